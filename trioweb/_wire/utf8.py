"""The encoding of text: whether bytes that belong to a Text message are UTF-8 (RFC 6455 §8.1)."""

from __future__ import annotations

from codecs import getincrementaldecoder

NOT_UTF8 = "text that is not UTF-8 (RFC 6455 §8.1)"

KNOWN_BYTES = 3
"""How many bytes of a text show where its next character begins: a character has at most one more."""

_FIRST_CONTINUATION, _AFTER_CONTINUATION = 0x80, 0xC0

utf8_decoder = getincrementaldecoder("utf-8")


def may_become_utf8(data: bytes, before: bytes = b"") -> bool:
    """Return whether there is no mistake in `data` yet; its last character may be incomplete.

    Args:
        data: The next bytes of a text.
        before: The bytes before them, of which the last `KNOWN_BYTES` are enough. They are known
            to have no mistake.
    """
    known = before[-KNOWN_BYTES:]
    while known and _FIRST_CONTINUATION <= known[0] < _AFTER_CONTINUATION:
        known = known[1:]  # of a character whose first byte is not here, so it is complete
    try:
        utf8_decoder().decode(known + data)
    except UnicodeDecodeError:
        return False
    return True
