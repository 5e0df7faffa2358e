"""Short forms of input, for the texts of errors.

A text says what came, so that nobody has to reproduce it. But a peer chooses what it sends: the form is short,
and of one line with all characters visible, so that it cannot fill a log or forge a line in it.
"""

from __future__ import annotations

import re

_SHOWN = 80


def excerpt(value: str | bytes | bytearray, most: int = _SHOWN) -> str:
    """Return the beginning of a value as Python writes it, with dots if there is more."""
    shown = value[:most] if isinstance(value, str) else bytes(value[:most])
    return f"{shown!r}..." if len(value) > most else repr(shown)


def one_line(text: str) -> str:
    """Return a text for people with escapes for the characters that a terminal or a log would obey."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def shown_url(text: str) -> str:
    """Return a short form of any URL for an error, without a user or a query, which must not get into a log."""
    shown, has_query, _ = re.sub(r"//.*@", "//...@", text, flags=re.DOTALL).partition("?")
    return excerpt(f"{shown}?..." if has_query else shown)
