"""The words of a failed expectation: what was expected, what came, and where the two differ.

    expect_text('hallo') on WebSocket /chat
        expected: the text 'hallo'
        received: the text 'hello'
    The last that passed, with the seconds since the connection was opened:
        ...

Such a text is often read in the log of a CI run, where nobody can look at anything else. So it begins with the
call as the test has it, which can be searched for. Values are cut, or a message of a megabyte would bury the rest.
But of two long values only the beginnings would then be shown, which are often the same: for these, the place of
the first difference follows. Short values are shown whole, and need no more.
"""

from __future__ import annotations

import difflib
import json
from typing import Any, Final

from trioweb.closing import Close
from trioweb.json_text import read_json

Received = str | bytes | Close
"""The next thing to come on a WebSocket: a message, or its end."""

VALUE_CHARACTERS = 200
DIFFERENCE_LINES = 40
LINES_BEFORE = 5
"""How many lines before the first difference are shown: what it is part of."""

UNEQUAL_TWINS = "a tuple is not a list, and a number as a key is not a string"


class _Anything:
    def __repr__(self) -> str:
        return "anything"


ANYTHING: Final = _Anything()
"""Stands for any JSON value; `None` is one of them."""


def shown(value: object) -> str:
    """Return the `repr` of a value, cut to what can be read."""
    return _cut(repr(value))


def _cut(text: str) -> str:
    if len(text) <= VALUE_CHARACTERS:
        return text
    return f"{text[:VALUE_CHARACTERS]}... ({len(text)} characters)"


def shown_received(received: Received) -> str:
    """Describe what came, with its length if it is long."""
    if isinstance(received, Close):
        side = "the server" if received.received_first else "this side"
        reason = f" and the reason {received.reason!r}" if received.reason else ""
        if received.code == 1006:
            return f"the end of the connection, without a close frame{reason}"
        return f"a close with {received.code}{reason}, which {side} began"
    kind = "the text" if isinstance(received, str) else "the bytes"
    return f"{kind} {shown(received)}"


def difference(expected: object, received: Received) -> list[str]:
    """Return lines that show where two long values differ; none for short ones, which are shown whole."""
    if isinstance(received, Close) or expected is None or expected is ANYTHING:
        return []
    if isinstance(expected, bytes | str) and type(expected) is type(received):
        at = next((n for n, (a, b) in enumerate(zip(expected, received, strict=False)) if a != b), None)
        at = min(len(expected), len(received)) if at is None else at
        if max(len(expected), len(received)) <= VALUE_CHARACTERS // 4:
            return []
        return [
            f"    lengths:  {len(expected)} expected, {len(received)} received",
            f"    they differ from {at} on: {shown(expected[at : at + 40])}, {shown(received[at : at + 40])}",
        ]
    if isinstance(expected, dict | list):
        return _json_difference(expected, received)
    return []


def _json_difference(expected: Any, received: str | bytes) -> list[str]:
    """Compare two JSON values line by line, with sorted keys: their order means nothing."""
    try:
        value = read_json(received)
        wanted, got = (json.dumps(one, indent=2, sort_keys=True).splitlines() for one in (expected, value))
    except (TypeError, ValueError):
        return []
    if wanted == got:
        return [f"    the same as JSON, but not equal in Python: {UNEQUAL_TWINS}"]
    begin = next((n for n, (a, b) in enumerate(zip(wanted, got, strict=False)) if a != b), 0)
    begin = max(0, begin - LINES_BEFORE)
    # Comparing takes the square of the number of lines, or worse. So only lines that may be shown are compared, each
    # as a whole: `difflib.ndiff` would compare long ones character by character, which takes minutes.
    wanted, got = wanted[begin : begin + DIFFERENCE_LINES], got[begin : begin + DIFFERENCE_LINES]
    _, _, _, *lines = difflib.unified_diff(wanted, got, n=DIFFERENCE_LINES, lineterm="")
    return [
        "    where they differ (- expected, + received):",
        *([f"    ... {begin} lines that are the same"] if begin else []),
        *(f"    {line[0]} {_cut(line[1:])}" for line in lines[:DIFFERENCE_LINES]),
    ]
