"""The hot paths take as many instructions as recorded, and the comparison reports changes."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks" / "instructions"
MODULES = ("callgrind", "hot_paths", "program", "record")


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_no_hot_path_has_become_dearer(require_tool):
    require_tool("valgrind")
    command = [sys.executable, FOLDER / "count.py"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture
def module(monkeypatch):
    """Import a module of the folder, and forget it afterwards."""
    monkeypatch.syspath_prepend(FOLDER)
    yield importlib.import_module
    for name in MODULES:
        sys.modules.pop(name, None)


def test_every_hot_path_can_be_walked_again_and_again(module):
    for path in module("hot_paths").HOT_PATHS.values():
        step = path.prepare()
        assert step()
        assert step()


def test_valgrind_is_asked_for_by_name(module, monkeypatch):
    callgrind = module("callgrind")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(callgrind.CallgrindError, match="the package valgrind"):
        callgrind.find()


@pytest.fixture
def recorded(module):
    """A record of two paths and the calibration."""
    record = module("record")
    setting = record.Setting(
        interpreter="cpython-3.11.7-x86_64", build={"compiler": "GCC 12"}, libraries={"h11": "1"}
    )
    instructions = {record.CALIBRATION: 1000.0, "decode": 100.0, "encode": 200.0}
    return record.Record(setting=setting, instructions=instructions)


def compare(module, counted, *records):
    return module("record").compare(counted, {one.setting.interpreter: one for one in records})


def test_a_path_may_cost_five_percent_more_where_it_was_recorded(module, recorded):
    counted = attrs.evolve(recorded, instructions=recorded.instructions | {"decode": 104.9, "encode": 210.1})

    comparison = compare(module, counted, recorded)

    assert (comparison.dearer, comparison.cheaper, comparison.remarks) == (["encode"], [], [])


def test_cheaper_and_new_paths_are_reported(module, recorded):
    counted = attrs.evolve(recorded, instructions=recorded.instructions | {"decode": 94, "close": 1})

    comparison = compare(module, counted, recorded)

    assert (comparison.dearer, comparison.cheaper, comparison.unknown) == ([], ["decode"], ["close"])


def test_another_version_of_a_library_is_named(module, recorded):
    counted = attrs.evolve(recorded, setting=attrs.evolve(recorded.setting, libraries={"h11": "2"}))

    assert compare(module, counted, recorded).remarks == ["h11 is 2, and was 1 when this was recorded."]


@pytest.mark.parametrize(
    "changed", [{"interpreter": "cpython-3.12.1-x86_64"}, {"build": {"compiler": "GCC 13"}}]
)
def test_another_interpreter_is_compared_by_the_calibration(module, recorded, changed):
    counted = attrs.evolve(
        recorded,
        setting=attrs.evolve(recorded.setting, **changed),
        instructions={path: 2 * count for path, count in recorded.instructions.items()} | {"encode": 501},
    )

    comparison = compare(module, counted, recorded)

    assert (comparison.dearer, comparison.differences["decode"]) == (["encode"], 0)
    assert "was not recorded" in comparison.remarks[0]
    assert "cpython-3.11.7-x86_64 (GCC 12)" in comparison.remarks[1]


def test_the_record_of_the_same_minor_version_is_preferred(module, recorded):
    def of(version):
        setting = attrs.evolve(recorded.setting, interpreter=f"cpython-{version}-x86_64")
        return attrs.evolve(recorded, setting=setting)

    comparison = compare(module, of("3.11.9"), of("3.11.7"), of("3.12.1"))

    assert "cpython-3.11.7" in comparison.remarks[1]


def test_nothing_is_compared_without_a_record(module, recorded):
    with pytest.raises(ValueError, match="--write"):
        compare(module, recorded)
