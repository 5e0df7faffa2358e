"""Every code block of the documentation runs, and every command in it exists.

The fences, as CONTRIBUTING.md explains them:

    python              runs alone, as a module that is not `__main__`
    python continued    continues in the namespace of the block before it
    python server       defines `async def main()`, which is run with a time limit
    python tests        defines tests, and each is run; `autojump_clock` is the one fixture they may have
    console             is read: each `make` and `trioweb` command must exist
"""

from __future__ import annotations

import inspect
import re
import sys
import types
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing
from support.texts.code_blocks import ROOT, Block, blocks_of, chains_of, run_block

from trioweb.cli import main

PYTHON_KINDS = {
    f"python{continued}{run}" for continued in ("", " continued") for run in ("", " server", " tests")
}
SERVER_SECONDS = 10

PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if page.exists()]
BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def name_of(chain: list[Block]) -> str:
    return f"{chain[0].file}:{chain[0].line}"


@pytest.mark.parametrize("chain", chains_of(BLOCKS), ids=name_of)
def test_a_python_block_runs(chain: list[Block], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("documentation")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.chdir(tmp_path)
    for block in chain:
        assert block.kind in PYTHON_KINDS, f"{block.file}:{block.line}: unknown kind of block"
        before = set(vars(module))
        run_block(block, module)
        if "server" in block.kind.split():
            trio.run(run_limited, vars(module)["main"])
        if "tests" in block.kind.split():
            run_tests([one for name, one in vars(module).items() if name not in before])


def run_tests(things: list[object]) -> None:
    tests = [one for one in things if getattr(one, "__name__", "").startswith("test_")]
    assert tests, "a block of tests has none"
    for test in tests:
        clock = trio.testing.MockClock(autojump_threshold=0)
        if inspect.signature(test).parameters:
            trio.run(partial(test, autojump_clock=clock), clock=clock)
        else:
            trio.run(run_limited, test)


async def run_limited(main) -> None:
    with trio.fail_after(SERVER_SECONDS):
        await main()


def commands() -> list[tuple[str, list[str]]]:
    """List the place of each `make` or `trioweb` command of a console block, and its words."""
    found = []
    for block in BLOCKS:
        if block.kind != "console":
            continue
        for number, line in enumerate(block.code.splitlines(), block.line + 1):
            command = line.removeprefix("$ ").partition("#")[0].split()
            command = command[2:] if command[:2] == ["python", "-m"] else command
            if command[:1] in (["make"], ["trioweb"]):
                found.append((f"{block.file}:{number}", command))
    return found


COMMANDS = commands()


@pytest.mark.parametrize(("place", "command"), [pair for pair in COMMANDS if pair[1][0] == "make"], ids=str)
def test_a_make_command_exists(place: str, command: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    assert {word for word in command[1:] if "=" not in word} <= targets, place


@pytest.mark.parametrize(
    ("place", "command"), [pair for pair in COMMANDS if pair[1][0] == "trioweb"], ids=str
)
def test_a_trioweb_command_exists(place: str, command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    options = {word.partition("=")[0] for word in command if word.startswith("--")}
    with pytest.raises(SystemExit) as ended:
        main([*command[1:2], "--help"])
    printed = capsys.readouterr()
    assert not ended.value.code, f"{place}: {printed.err}"
    assert options <= set(re.findall(r"--[a-z-]+", printed.out)), place
