"""How much of a source file is code, how much explains it, and what shape its functions and classes have.

python tests/support/code_figures.py FILE_OR_FOLDER...   prints the density of explanation, the lowest first.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Source(NamedTuple):
    """A Python file of the project."""

    name: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """Parse the file, each time again: that is quick, and the garbage collector would walk what is kept.

        With the trees of all files kept, parsing took four times as long, and every later collection more.
        """
        return ast.parse(self.text)

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())


class Explained(NamedTuple):
    """Lines that explain, and lines of code."""

    explaining: int
    code: int

    @property
    def density(self) -> float:
        return self.explaining / self.code if self.code else float(self.explaining)


def python_files(*folders: str) -> list[Path]:
    """List every Python file below these folders of the project."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Read every Python file below these folders of the project."""
    return tuple(read(path) for path in python_files(*folders))


@cache
def read(path: Path) -> Source:
    return Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))


def docstring_lines(tree: ast.AST) -> set[int]:
    """Number the lines of docstrings: of modules, classes, functions, and of what is assigned."""
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Expr) and is_text(node.value)]
    return {line for text in texts for line in range(text.lineno, (text.end_lineno or 0) + 1)}


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def explained(source: Source) -> Explained:
    """Count as code what is neither blank, nor in a docstring, nor a comment that has its line to itself."""
    filled = {number for number, line in enumerate(source.text.splitlines(), 1) if line.strip()}
    docstrings = docstring_lines(source.tree) & filled
    comments = {
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(source.text).readline)
        if token.type == tokenize.COMMENT and not token.line[: token.start[1]].strip()
    } - docstrings
    return Explained(len(docstrings | comments), len(filled - docstrings - comments))


def density(files: tuple[Source, ...]) -> float:
    """Weigh explanation against code over several files."""
    counts = [explained(file) for file in files]
    return sum(each.explaining for each in counts) / sum(each.code for each in counts)


def functions(source: Source) -> list[Function]:
    return [node for node in ast.walk(source.tree) if isinstance(node, Function)]


def function_lines(function: Function) -> int:
    """Count a function's lines, its docstring left out."""
    body = function.body[0] if ast.get_docstring(function, clean=False) is not None else None
    docstring = 0 if body is None else (body.end_lineno or 0) - body.lineno + 1
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def positional_parameters(function: Function) -> list[str]:
    """Name the parameters that may be given by position, without `self`."""
    names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def main(places: list[str]) -> None:
    files = [file for place in places for file in places_files(ROOT / place)]
    for file in sorted(files, key=lambda file: explained(file).density):
        counts = explained(file)
        print(f"{counts.density:5.2f}  {counts.explaining:4} : {counts.code:4}  {file.name}")  # noqa: T201
    print(f"{density(tuple(files)):5.2f}  in all")  # noqa: T201


def places_files(place: Path) -> list[Source]:
    return [read(path) for path in (sorted(place.rglob("*.py")) if place.is_dir() else [place])]


if __name__ == "__main__":
    main(sys.argv[1:])
