"""The code spans of the documentation: the texts between backticks, and what they claim to be."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

from support.texts.code_blocks import FENCE, ROOT

SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


class Span(NamedTuple):
    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


def spans_of(path: Path) -> list[Span]:
    """List the code spans of a page, without its fenced blocks and without what it says of other frameworks.

    A table whose first column is headed FastAPI has those in that column.
    """
    text = FENCE.sub(lambda block: "\n" * block[0].count("\n"), path.read_text(encoding="utf-8"))
    file = path.relative_to(ROOT).as_posix()
    found: list[Span] = []
    is_foreign = False
    for number, line in enumerate(text.splitlines(), 1):
        is_foreign = line.startswith("|") and (is_foreign or line.startswith("| FastAPI "))
        shown = line.split(" | ", 1)[-1] if is_foreign else line
        found += [Span(file, number, span) for span in SPAN.findall(shown)]
    return found


def expression_of(text: str) -> ast.expr | None:
    """Read a span as one Python expression, if it is one.

    `App(limits=)` names a keyword argument, and so does `limits=`; `await ws.send(text)` is a call,
    `raise HTTPError(404)` an exception, `async for text in ws.iter_text()` what is iterated over.
    """
    if re.search(r"^[{\[]|\w-\w|^\w+/", text):  # a converter or template, a header, a media type
        return None
    text = re.sub(r"(?<=\w=)(?=[,)]|$)", "...", text)
    text = re.sub(r"^(?:raise|await|return|yield|@) ?(?=[\w(])", "", text)
    text = re.sub(r"^async for \w+ in |^async with | as \w+:?$|(?<=\)):$", "", text)
    text = f"dict({text})" if re.match(r"\w+=[^=]", text) else text
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return None


def placeholders(spans: list[Span]) -> set[str]:
    """List what stands for an argument in a call: a page may go on to speak of `path` after `App.get(path)`."""
    calls = [
        node
        for span in spans
        if (expression := expression_of(span.text)) is not None
        for node in ast.walk(expression)
        if isinstance(node, ast.Call)
    ]
    return {argument.id for call in calls for argument in call.args if isinstance(argument, ast.Name)}
