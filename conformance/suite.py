"""The Autobahn test suite: where it is installed, and one run of its fuzzing client.

The suite is Python 2 code and pins its own dependencies, so it lives in an environment of
its own under `.build/`. Nothing else is touched; removing that folder undoes it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOME = Path(os.environ.get("AUTOBAHN_HOME", ROOT / ".build" / "autobahn"))

SUITE = "autobahntestsuite==25.10.1"
# The last version of virtualenv that supports Python 2.7.
VIRTUALENV = "virtualenv==20.15.1"

RUN_SECONDS = 3600


class SuiteError(Exception):
    """The suite could not be installed, or did not finish."""


def pythons() -> Iterator[str]:
    """Yield candidates for Python 2.7: on PATH, then under pyenv."""
    if named := os.environ.get("PYTHON2"):
        yield named
    if found := shutil.which("python2.7"):
        yield found
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, sorted(pyenv.glob("versions/2.7*/bin/python")))


def find_python() -> str:
    """Return the first Python 2.7 that runs; a pyenv shim may have the name and not run.

    Raises:
        SuiteError: There is none.
    """
    for python in pythons():
        check = [python, "-c", "import sys; sys.exit(sys.version_info[:2] != (2, 7))"]
        if subprocess.run(check, check=False, capture_output=True).returncode == 0:
            return python
    raise SuiteError(
        "the Autobahn suite runs on Python 2.7 only, and none was found on PATH or under pyenv; "
        "name one in the environment variable PYTHON2"
    )


def call(command: Sequence[str | Path], log: Path, **environment: str) -> None:
    """Run a command with its output in `log`.

    Raises:
        SuiteError: It failed.
    """
    with log.open("ab") as output:
        done = subprocess.run(
            command, check=False, stdout=output, stderr=output, env=os.environ | environment
        )
    if done.returncode:
        raise SuiteError(f"{Path(command[0]).name} failed with status {done.returncode}: see {log}")


def install() -> Path:
    """Return the suite's program, which is installed if necessary.

    Raises:
        SuiteError: There is no Python 2.7, no C compiler or no network.
    """
    program = HOME / "bin" / "wstest"
    stamp = HOME / "installed"
    if stamp.exists():
        return program
    python = find_python()
    print(f"Installing {SUITE} into {HOME} with {python}", flush=True)
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.parent.mkdir(parents=True, exist_ok=True)
    log = HOME.with_name("autobahn-install.log")
    log.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as boot:
        call([python, "-m", "pip", "install", "--quiet", "--target", boot, VIRTUALENV], log)
        call([python, "-m", "virtualenv", "--quiet", HOME], log, PYTHONPATH=boot)
    call([HOME / "bin" / "pip", "install", "--quiet", SUITE], log)
    # Its UTF-8 and masking code in C; without it the client is slower than any server.
    call([HOME / "bin" / "python", "-c", "import wsaccel.utf8validator, wsaccel.xormask"], log)
    stamp.touch()
    return program


def run(program: Path, url: str, cases: Sequence[str], folder: Path) -> dict[str, dict[str, str]]:
    """Run cases against a server and return the suite's own index of them.

    Args:
        program: What `install` returned.
        url: The server, which echoes.
        cases: Case ids or patterns such as `1.*`; a leading `-` leaves them out.
        folder: Where to write the report and the client's output.

    Raises:
        SuiteError: Not every case was run.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    wanted = [case for case in cases if not case.startswith("-")]
    specification = {
        "outdir": str(folder),
        "servers": [{"agent": "trioweb", "url": url}],
        "cases": wanted or ["*"],
        "exclude-cases": [case[1:] for case in cases if case.startswith("-")],
    }
    (folder / "spec.json").write_text(json.dumps(specification), encoding="utf-8")
    log = folder / "wstest.log"
    with log.open("wb") as output:
        subprocess.run(
            [program, "-m", "fuzzingclient", "-s", folder / "spec.json"],
            check=False,
            stdout=output,
            stderr=output,
            timeout=RUN_SECONDS,
        )
    # The client reports success even if the server goes away in the middle.
    index = folder / "index.json"
    report = json.loads(index.read_text(encoding="utf-8")) if index.exists() else {}
    results: dict[str, dict[str, str]] = report.get("trioweb", {})
    planned = re.search(r"Ok, will run (\d+) test cases", log.read_text(encoding="utf-8", errors="replace"))
    if planned is None or len(results) != int(planned[1]):
        raise SuiteError(f"{len(results)} of {planned[1] if planned else '?'} cases were run: see {log}")
    return results
