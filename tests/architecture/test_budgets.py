"""How long files and functions may be, how full a folder, how many parameters and ancestors there may be."""

from __future__ import annotations

import statistics
from collections import Counter
from pathlib import PurePosixPath

import pytest
from support.code_figures import (
    ROOT,
    function_lines,
    functions,
    positional_parameters,
    python_files,
    sources,
)

FILE_LINES = 400
EXAMPLE_LINES = 40  # with everything: a screen, so that it is read before it is copied
MEDIAN_FILE_LINES = 130
FUNCTION_LINES = 50
POSITIONAL_PARAMETERS = 5
FOLDER_FILES = {"trioweb": 24, "tests": 25}
EMPTY_NAMES = {"base", "common", "helper", "helpers", "misc", "types", "util", "utils"}

TRIOWEB = sources("trioweb")
EVERYWHERE = sources("trioweb", "tests", "examples", "demo", "conformance", "benchmarks")


def test_a_file_is_short() -> None:
    assert not {file.name: file.lines for file in EVERYWHERE if file.lines > FILE_LINES}


def test_an_example_fits_a_screen() -> None:
    examples = sources("examples")
    assert examples
    assert not {file.name: file.lines for file in examples if file.lines > EXAMPLE_LINES}


def test_half_of_the_files_are_much_shorter() -> None:
    assert statistics.median(file.lines for file in TRIOWEB) <= MEDIAN_FILE_LINES


def test_a_function_is_short() -> None:
    assert not {
        f"{file.name}, line {function.lineno}": function_lines(function)
        for file in sources("trioweb", "conformance")
        for function in functions(file)
        if function_lines(function) > FUNCTION_LINES
    }


def test_a_function_takes_few_things_by_position() -> None:
    assert not {
        f"{file.name}, line {function.lineno}": names
        for file in TRIOWEB
        for function in functions(file)
        if len(names := positional_parameters(function)) > POSITIONAL_PARAMETERS
    }


@pytest.mark.parametrize("top", FOLDER_FILES)
def test_a_folder_can_be_taken_in_at_a_glance(top: str) -> None:
    counts = Counter(path.parent.relative_to(ROOT).as_posix() for path in python_files(top))
    assert not {folder: count for folder, count in counts.items() if count > FOLDER_FILES[top]}


def test_a_file_is_named_for_what_it_holds() -> None:
    assert not [file.name for file in EVERYWHERE if PurePosixPath(file.name).stem in EMPTY_NAMES]
