"""How long a file and a function may be, and what a file may not be called."""

from __future__ import annotations

import ast
from pathlib import Path

FILE_LINES = 500
FUNCTION_LINES = 50
EMPTY_NAMES = {"base", "common", "helper", "helpers", "misc", "types", "util", "utils"}

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("trioweb", "tests", "conformance", "examples")
    for path in (ROOT / folder).rglob("*.py")
)
SOURCES = [file for file in FILES if file.startswith(("trioweb/", "conformance/"))]


def function_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines, its docstring left out."""
    assert node.end_lineno is not None
    lines = node.end_lineno - node.lineno + 1
    if ast.get_docstring(node, clean=False) is not None:
        docstring = node.body[0]
        assert docstring.end_lineno is not None
        lines -= docstring.end_lineno - docstring.lineno + 1
    return lines


def test_a_file_is_short() -> None:
    lines = {file: len((ROOT / file).read_text(encoding="utf-8").splitlines()) for file in FILES}
    assert not {file: count for file, count in lines.items() if count > FILE_LINES}


def test_a_function_is_short() -> None:
    functions = {
        f"{file}, line {node.lineno}": function_lines(node)
        for file in SOURCES
        for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert not {place: count for place, count in functions.items() if count > FUNCTION_LINES}


def test_a_file_is_named_for_what_it_holds() -> None:
    assert not [file for file in FILES if Path(file).stem in EMPTY_NAMES]
