"""The lines of a head or of trailers, checked more strictly than h11 does."""

from __future__ import annotations

import re

from trioweb.errors import RemoteProtocolError

# Servers and proxies disagree about each of these characters, and request smuggling depends on such
# disagreement: for some, a lone CR or LF ends a line (RFC 9112 §2.2), or a control character ends a value
# (RFC 9110 §5.5). A CR at the end of the input is checked together with the next byte.
_ILLEGAL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?=[^\n])|(?<!\r)\n")

_FIELD_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")

_WHITESPACE = b" \t"


class LineScanner:
    """Takes lines from the front of a growing buffer, and looks at each byte once.

    The first mistake in the stream is the one that is reported, however the stream is cut: a line is
    returned after its own characters are checked, and before those of the next line are.

    Attributes:
        position: The start of the first line that has not been returned.
    """

    __slots__ = ("_searched", "position")

    def __init__(self) -> None:
        self.position = 0
        self._searched = 0

    def next_line(self, data: bytearray, end: int) -> bytes | None:
        """Return the next line of `data[:end]` without its CRLF; `None` if it is incomplete.

        Raises:
            RemoteProtocolError: It contains a character that no line may contain; status 400.
        """
        newline = data.find(b"\n", self._searched, end)
        if newline < 0:
            _check_characters(data, max(self.position, self._searched - 1), end)
            self._searched = end
            return None
        _check_characters(data, self.position, newline + 1)
        line = bytes(data[self.position : newline - 1])
        self.position = self._searched = newline + 1
        return line


def _check_characters(data: bytearray, start: int, end: int) -> None:
    illegal = _ILLEGAL.search(data, start, end)
    if illegal is None:
        return
    if illegal[0] in b"\r\n":
        raise RemoteProtocolError("a line has to end with CRLF: found a CR or an LF alone", 400)
    raise RemoteProtocolError(f"control character 0x{illegal[0][0]:02x} in the head of a message", 400)


def split_field(line: bytes) -> tuple[bytes, bytes]:
    """Return the name of a field line, in lower case, and its value (RFC 9112 §5).

    Raises:
        RemoteProtocolError: It is not a field line; status 400.
    """
    name, colon, value = line.partition(b":")
    if colon and _FIELD_NAME.fullmatch(name):
        return name.lower(), value.strip(_WHITESPACE)
    # Some readers take a line that starts with whitespace for a continuation of the line before (§5.2), and
    # some for a separate field. Whitespace between a name and its colon is just as ambiguous (§5.1).
    if line[:1] in _WHITESPACE:
        raise RemoteProtocolError("a header line starts with whitespace: folded lines are not taken", 400)
    if colon and name.rstrip(_WHITESPACE) != name:
        raise RemoteProtocolError("whitespace between a header's name and its colon", 400)
    raise RemoteProtocolError("a header line has to be `name: value`, the name a token", 400)
