# Everything a checkout needs, on a machine with Python >= 3.11 and make.
#
#   make demo [PORT=8000]      make test      make lint      make help
#
# PYTHON=/path/to/python chooses the interpreter for a new .venv.

.DEFAULT_GOAL := help
.SUFFIXES:
.NOTPARALLEL:

PORT ?= 8000
EXAMPLES ?= 20000
ARGUMENTS ?=
VENV := .venv
RUN := $(VENV)/bin
NODE_PACKAGES := .build/node/ws@8+axe-core@4

# A default run leaves out what is slow or needs a program from outside.
QUICK := not slow and not browser and not redis and not conformance and not node

.PHONY: help demo test tools test-all lint format conformance fuzz bench bench-quick instructions clean

help:  ## Show this list
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | \
	while IFS="$$(printf '\t')" read -r name text; do printf '  make %-13s %s\n' "$$name" "$$text"; done

demo: $(VENV)/.with-speedups  ## Serve the gallery (PORT=8000)
	@exec $(RUN)/trioweb demo --port $(PORT)

test: $(VENV)/.with-test  ## Run the tests, without those that need other programs
	@$(RUN)/python -m pytest -q -m "$(QUICK)" $(ARGUMENTS)

tools: $(VENV)/.with-test $(VENV)/.with-lint $(VENV)/.with-browser $(NODE_PACKAGES)  ## Install what every check needs
	@echo "Ready: $(VENV) and .build hold what the checks need"

test-all: tools  ## Run every test, with coverage
	@TRIOWEB_FUZZ_EXAMPLES=300 $(RUN)/python -m pytest -q --cov --cov-report=term --cov-fail-under=98 $(ARGUMENTS)

lint: $(VENV)/.with-test $(VENV)/.with-lint  ## Run ruff, mypy and pyright
	@$(RUN)/ruff check .
	@$(RUN)/ruff format --check .
	@$(RUN)/mypy
	@$(RUN)/pyright --pythonpath $(RUN)/python

format: $(VENV)/.with-lint  ## Format the code and sort its imports
	@$(RUN)/ruff check --select I --fix .
	@$(RUN)/ruff format .

conformance: $(VENV)/.with-test  ## Run the Autobahn suite (ARGUMENTS=--quick for a minute of it)
	@$(RUN)/python conformance/autobahn.py $(ARGUMENTS)

fuzz: $(VENV)/.with-test  ## Try generated streams of frames and requests (EXAMPLES=20000)
	@TRIOWEB_FUZZ_EXAMPLES=$(EXAMPLES) $(RUN)/python -m pytest -q --timeout 0 \
	  tests/wire/test_fastlane.py tests/wire/test_compressed_lane.py tests/wire/test_skipping.py \
	  tests/websocket/test_legal_wire.py tests/wire/http1/test_any_bytes.py tests/wire/http1/test_direct_heads.py \
	  tests/server/rfc9112/test_any_bytes.py $(ARGUMENTS)

bench: $(VENV)/.with-speedups  ## Measure trioweb and its rivals, about 40 minutes (ARGUMENTS=--bars)
	@$(RUN)/python benchmarks/run.py $(ARGUMENTS)

bench-quick: $(VENV)/.with-speedups  ## Measure the most telling workloads, in three minutes
	@$(RUN)/python benchmarks/run.py --quick $(ARGUMENTS)

instructions: $(VENV)/.with-speedups  ## Count the hot paths' instructions with valgrind (ARGUMENTS=--write)
	@$(RUN)/python benchmarks/instructions/count.py $(ARGUMENTS)

clean:  ## Remove the environment and everything that was built
	@rm -rf $(VENV) .build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The first of these that is new enough and can make environments. A pyenv shim answers
# to a name without being able to run, so each is tried, not only looked up.
$(RUN)/python:
	@found=; old=; \
	for candidate in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
	  version=$$("$$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue; \
	  "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	    { old="$$old $$candidate ($$version)"; continue; }; \
	  "$$candidate" -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "$$candidate ($$version) lacks the venv module: on Debian, install python3-venv" >&2; continue; }; \
	  found=$$candidate; break; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "trioweb needs Python 3.11 or newer with its venv module; found:$${old:- none}." >&2; \
	  echo "Name one with: make $(or $(MAKECMDGOALS),demo) PYTHON=/path/to/python3" >&2; \
	  exit 1; \
	fi; \
	echo "Making an environment in $(VENV) with $$found ($$version)"; \
	"$$found" -m venv --clear $(VENV)

# One stamp for each set of extras; pip runs again when pyproject.toml has changed.
$(VENV)/.with-%: pyproject.toml | $(RUN)/python
	@extras=$*; [ $* != test ] || extras=speedups,test; \
	echo "Installing trioweb[$$extras] into $(VENV)"; \
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --editable ".[$$extras]" \
	  >$(VENV)/pip.log 2>&1 || \
	{ grep -i '^ *error' $(VENV)/pip.log | tail -n 2 >&2; \
	  echo "pip could not install what trioweb needs. Is there a network? All it said: $(VENV)/pip.log" >&2; \
	  exit 1; }
	@touch $@

.PRECIOUS: $(VENV)/.with-%

# The stamp's name is the list; `ws` is a foreign WebSocket client, axe-core judges the pages.
$(NODE_PACKAGES):
	@command -v npm >/dev/null || { echo "The tests with foreign programs need Node.js with npm" >&2; exit 1; }
	@echo "Installing $(subst +, and ,$(@F)) into .build/node"
	@mkdir -p $(@D)
	@npm install --prefix $(@D) --no-audit --no-fund --loglevel=error $(subst +, ,$(@F)) >$(@D)/npm.log 2>&1 || \
	{ tail -n 3 $(@D)/npm.log >&2; echo "npm could not install them: see $(@D)/npm.log" >&2; exit 1; }
	@touch $@
