"""The charsets that clients use, and Python's names for them."""

from __future__ import annotations

from trioweb._web.unreadable import Unreadable

# Python has about a hundred encodings, and some of them are slow with hostile input. Clients send
# only these few.
_ENCODINGS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "iso-8859-1": "latin-1",
    "latin1": "latin-1",
    "windows-1252": "cp1252",
}


def encoding_of(charset: str) -> str:
    """Return Python's name for a charset.

    Raises:
        HTTPError: 415 if it is not known here.
    """
    encoding = _ENCODINGS.get(charset.strip().lower())
    if encoding is None:
        raise Unreadable(415, f"the charset {charset[:40]!r} is not known: expected utf-8")
    return encoding
