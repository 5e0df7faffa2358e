"""The rules for all examples: each is listed, runs as it says, and has a test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import trio
from support.program import Program

import trioweb
from trioweb.cli import main

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples"
EXAMPLES = sorted(path.stem for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_served_by_its_path(example, monkeypatch, capsys, name):
    monkeypatch.chdir(ROOT)
    assert main(["routes", f"examples/{name}.py"]) == 0
    assert capsys.readouterr().out.count("\n") > 1


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_says_how_to_run_and_to_try_it(example, name):
    lines = example(name).__doc__.splitlines()
    assert any(re.fullmatch(rf"\$ (trioweb run|python) examples/{name}\.py.*", line) for line in lines)
    assert any("://" in line for line in lines)


def test_the_readme_has_a_row_for_each_example():
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| \[`(\w+)\.py`\]\(\1\.py\) \|", readme, re.MULTILINE)) == EXAMPLES


def test_each_example_has_a_test_of_its_own():
    assert not [name for name in EXAMPLES if not Path(__file__).with_name(f"test_{name}.py").exists()]


async def test_an_example_runs_by_the_command_in_its_first_lines():
    with Program("-m", "trioweb", "run", "examples/commands.py", "--port", "0") as program:
        url = await trio.to_thread.run_sync(program.wait_for_url)
        async with trioweb.connect(f"{url.replace('http', 'ws')}/lights") as client:
            await client.send_json({"do": "show"})
            assert await client.receive_json() == {"lights": {"hall": False, "kitchen": False}}
        assert program.interrupt()[0] == 0
