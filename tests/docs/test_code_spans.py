"""Every name that a page puts in backticks exists: in trioweb, in Python, in Trio, or in the page's own program.

A span is taken for what it looks like. A file or folder must be in the project; a target of make, an option and
an extra must exist; a Python expression is followed name by name, `ws.outbox.statistics()` from the class of
`ws` to that of its outbox, and keyword arguments are looked up in signatures. Any other span, such as a
header field or a status line, is not checked.
"""

from __future__ import annotations

import ast
import importlib
import os
import re
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.texts.code_blocks import FENCE, ROOT
from support.texts.code_spans import expression_of, placeholders, spans_of
from support.texts.known_names import (
    MISSING,
    UNKNOWN,
    attribute,
    called,
    identifiers,
    internal,
    parameters,
    public,
    public_words,
    python_words,
    strings,
)

GUIDES = sorted((ROOT / "docs").rglob("*.md"))
READMES = sorted(path for path in ROOT.glob("[a-z]*/**/README.md") if path.parent != ROOT / "docs")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *GUIDES, *READMES]
# These speak of the code itself, and may use its internal names.
FOR_CONTRIBUTORS = {
    ROOT / "CONTRIBUTING.md",
    ROOT / "docs" / "concepts" / "from_bytes_to_bytes.md",
    *READMES,
}

OUR_FOLDERS = ("trioweb", "tests", "conformance", "benchmarks", "demo", "examples")

# Names that belong neither to Python, nor Trio, nor us, nor the program on the page.
STRANGERS = {
    *("ws_proxy", "wss_proxy", "http_proxy", "https_proxy", "NO_PROXY"),  # of the environment
    "ConnectionManager",  # of a tutorial of FastAPI
    "EventSource",  # of browsers
    "TMPDIR",  # of the environment
    "_charset_",  # of HTML
    "_hidden",  # of RFC 7239
    "app.js",  # a file that a program serves
    "data.csv",
    "fetch",  # of browsers
    "limit_conn",  # of nginx
    "main.py",  # where a program is
    "nohup",  # of Unix
    "ulimit",
}

FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)*/?(?<!\bW/)")
SUFFIXES = (".py", ".md", ".json", ".toml", ".html", ".css", ".js", ".cjs", ".svg", ".br", ".gz", ".zst", "/")


class Stranger(Exception):
    """A name that nothing explains."""


class Reader:
    """Follows the names of one page."""

    def __init__(self, page: Path) -> None:
        self.is_internal = page in FOR_CONTRIBUTORS
        fenced = "\n".join(block["body"] for block in FENCE.finditer(page.read_text(encoding="utf-8")))
        self.words = public_words() | python_words() | STRANGERS | set(re.findall(r"\w+", fenced))
        self.words |= placeholders(spans_of(page))
        if self.is_internal:
            self.words |= internal_words()

    def name(self, name: str) -> Any:
        if name in public():
            return public()[name]
        if self.is_internal and name in internal():
            return internal()[name]
        known_strings = strings(*(OUR_FOLDERS if self.is_internal else ("trioweb",)))
        if name not in self.words and name.lower() not in known_strings:
            raise Stranger(name)
        return UNKNOWN

    def follow(self, node: ast.expr) -> Any:
        """Find the meaning of an expression, as far as anything defines it."""
        if isinstance(node, ast.Name):
            return self.name(node.id)
        if isinstance(node, ast.Attribute):
            if is_of_python(node):
                return UNKNOWN
            owner = self.follow(node.value)
            found = attribute(owner, node.attr) if owner is not UNKNOWN else self.name(node.attr) and UNKNOWN
            if found is MISSING:
                raise Stranger(f"{ast.unparse(node.value)} has no {node.attr!r}")
            return found
        if isinstance(node, ast.Call):
            return self.call(node)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.follow(child)
        return UNKNOWN

    def call(self, node: ast.Call) -> Any:
        function = self.follow(node.func)
        taken = None if function is UNKNOWN else parameters(function)
        for word in node.keywords:
            if word.arg not in (self.words if taken is None else taken):
                raise Stranger(f"{ast.unparse(node.func)} takes no {word.arg!r}")
        for argument in (*node.args, *(word.value for word in node.keywords)):
            if isinstance(argument, ast.Attribute | ast.Call):  # a plain name stands for whatever is given
                self.follow(argument)
        return called(function)


def is_of_python(node: ast.Attribute) -> bool:
    module = node.value.id if isinstance(node.value, ast.Name) else ""
    return module in sys.stdlib_module_names and hasattr(importlib.import_module(module), node.attr)


@cache
def internal_words() -> set[str]:
    return identifiers(*OUR_FOLDERS) | project_files()


@cache
def project_files() -> set[str]:
    """List each file and folder of the project by every end of its path."""
    found: set[str] = set()
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
        parts = Path(folder).relative_to(ROOT).parts
        for name in (*folders, *files):
            path = (*parts, name)
            found |= {"/".join(path[start:]) for start in range(len(path))}
    return found


@cache
def files_of_programs() -> set[str]:
    """List the file names in the programs and commands of all pages."""
    blocks = [block["body"] for page in PAGES for block in FENCE.finditer(page.read_text(encoding="utf-8"))]
    return {name for block in blocks for name in re.findall(r"[\w-]+(?:\.\w+)+", block)}


@cache
def known_files() -> set[str]:
    return project_files() | files_of_programs() | STRANGERS


def is_file(text: str) -> bool:
    top = text.split("/", 1)[0]
    is_path = "/" in text and (ROOT / top).is_dir() and top != "."
    return bool(FILE.fullmatch(text)) and (text.endswith(SUFFIXES) or is_path) and not text.startswith(".")


def problem_of_file(text: str) -> str | None:
    name = text.rstrip("/")
    known = known_files()
    if "NAME" in name:
        pattern = re.compile(re.escape(name).replace("NAME", r"\w+"))
        return None if any(map(pattern.fullmatch, known)) else "there is no such file"
    return None if name in known else "there is no such file"


def problem_of_command(text: str) -> str | None:
    targets = set(
        re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    if text.startswith("make ") and not set(re.findall(r" ([a-z-]+)(?!\S)", text)) <= targets:
        return "there is no such target"
    options = set(re.findall(r"(?<!\S)--[a-z][\w-]*", text))
    return None if options <= strings(*OUR_FOLDERS) else "there is no such option"


def problem_of_extra(text: str) -> str | None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    return None if text[len("trioweb[") : -1] in extras else "there is no such extra"


def problem_of(text: str, reader: Reader) -> str | None:
    """Return what is wrong with a span, if anything."""
    if text.startswith("trioweb["):
        return problem_of_extra(text)
    if re.match(r"make |trioweb |python |--", text):
        return problem_of_command(text)
    if is_file(text):
        return problem_of_file(re.sub(r"\.(?:br|gz|zst)$", "", text))
    expression = expression_of(text)
    if expression is not None and text not in strings("trioweb"):
        try:
            reader.follow(expression)
        except Stranger as stranger:
            return str(stranger)
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_name_in_a_code_span_exists(page: Path) -> None:
    reader = Reader(page)
    problems = [(span, problem) for span in spans_of(page) if (problem := problem_of(span.text, reader))]
    assert not problems, "\n".join(f"{span}: {problem}" for span, problem in problems)


@pytest.mark.parametrize(
    "text",
    [
        "Limits.body_byte",
        "ws.outbox.dropped",
        "await ws.recieve()",
        "server.statistics().messages",
        "App(limit=)",
        "app.room(name, overflows=Overflow.WAIT)",
        "raise CloseWebSockets(4001)",
        "message_byte",
        "trio.sleeps(1)",
        "trioweb/_wire/fastlanes.py",
        "trioweb/_wires/",
        "make tests",
        "trioweb run --prot 80",
        "trioweb[speedup]",
    ],
)
def test_a_name_that_does_not_exist_is_found(text: str) -> None:
    assert problem_of(text, Reader(ROOT / "docs" / "guides" / "websockets.md"))
