"""The English in a file: paragraphs of Markdown, docstrings, comments, texts in code, names of tests."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from support.code_figures import Source, read

_FENCE = re.compile(r"^ *(```|~~~).*?^ *\1[^\n]*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_LINK_TARGET = re.compile(r"\]\([^)]*\)")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_TEST = re.compile(r"^ *(?:async )?def test_(\w+)", re.MULTILINE)
_COMMENT = re.compile(r"^ *#|  #", re.MULTILINE)
_LAYOUT = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}


def paragraphs(path: Path, *, has_strings: bool) -> Iterator[str]:
    """Yield the texts of a Markdown or Python file, each on one line and without code in it.

    Args:
        path: The file.
        has_strings: Whether strings in code are texts for its users, such as errors.
    """
    if path.suffix == ".md":
        texts: Iterator[str] = _of_markdown(path.read_text(encoding="utf-8"))
    else:
        texts = _of_python(read(path), has_strings=has_strings)
    for text in texts:
        yield " ".join(_CODE.sub("`code`", text).split())


def names_of_tests(path: Path) -> Iterator[str]:
    """Yield the names of a file's tests, without `test_`."""
    yield from _TEST.findall(read(path).text)


def _of_markdown(source: str) -> Iterator[str]:
    text = _LINK_TARGET.sub("]", _FENCE.sub("", source))
    for block in re.split(r"\n\s*\n", text):
        # A list's items and a table's cells are sentences of their own.
        yield from re.split(r"\n(?= *(?:[-*|]|\d+\.) ?)|(?<=[^|])\|(?=[^|])", block)


def _of_python(source: Source, *, has_strings: bool) -> Iterator[str]:
    nodes = [*ast.walk(source.tree)]
    docstrings = {id(node.body[0].value) for node in nodes if _has_docstring(node)}
    for node in nodes:
        if id(node) in docstrings and isinstance(node, ast.Constant):
            # Paragraphs and the entries of a section are apart.
            yield from re.split(r"\n\s*\n|\n(?= +\w+: )|\n(?= +[-*] )", str(node.value))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and has_strings:
            yield node.value
        elif isinstance(node, ast.JoinedStr) and has_strings:
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
    if _COMMENT.search(source.text):  # finding them takes longer than parsing the file
        yield from _comments(source.text)


def _has_docstring(node: ast.AST) -> bool:
    return isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None


def _comments(source: str) -> Iterator[str]:
    """Yield comments; those on lines that follow each other are one."""
    block: list[str] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            block.append(token.string.lstrip("# "))
        elif token.type not in _LAYOUT and block:
            yield " ".join(block)
            block = []
    if block:
        yield " ".join(block)
