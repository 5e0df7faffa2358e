"""The grammar of `Sec-WebSocket-Extensions` (RFC 6455 §9.1), read strictly.

A hand-written parser, because a quoted value may contain backslashes, which `split` would not respect. A
line that breaks the grammar is not an error: compression is optional, and a client whose offer cannot
be understood should still get its connection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

_TCHARS = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_SPACE = re.compile(r"[ \t]*")
_EXTENSION_NAME = re.compile(_TCHARS)
# Without its quotes and backslashes, a quoted value must be a token again (§9.1).
_PARAMETER_VALUE = re.compile(rf'{_TCHARS}|"(?:\\?[!#$%&\'*+\-.^_`|~0-9A-Za-z])+"')


@attrs.frozen
class Offer:
    """One extension that the client offers or the server accepts.

    Its parameters are in order, including repeated ones.
    """

    name: str
    parameters: tuple[tuple[str, str | None], ...]


def parse_offers(lines: list[str]) -> list[Offer]:
    """Return what the client offers, in its order of preference.

    A line that breaks the grammar offers nothing: the handshake succeeds without extensions.
    """
    offers: list[Offer] = []
    for line in lines:
        try:
            offers += _Line(line).offers()
        except ValueError:
            continue
    return offers


def parse_accepted(lines: list[str]) -> list[Offer]:
    """Return what the server has accepted.

    Raises:
        ValueError: A line breaks the grammar. A client has to know what is in use, so for it
            this is an error.
    """
    return [accepted for line in lines for accepted in _Line(line).offers()]


class _Line:
    """One field line, read from left to right; a `ValueError` says that it breaks the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def offers(self) -> list[Offer]:
        found = list(self._members())
        if self._position != len(self._text):
            raise ValueError
        return found

    def _members(self) -> Iterator[Offer]:
        while True:
            while self._takes(","):  # empty members of a list are skipped (RFC 9110 §5.6.1.2)
                pass
            if self._position == len(self._text):
                return
            yield self._offer()
            if not self._takes(","):
                return

    def _offer(self) -> Offer:
        name = self._match(_EXTENSION_NAME)
        parameters: list[tuple[str, str | None]] = []
        while self._takes(";"):
            key = self._match(_EXTENSION_NAME)
            value = self._match(_PARAMETER_VALUE) if self._takes("=") else None
            parameters.append((key, value if value is None else value.strip('"').replace("\\", "")))
        return Offer(name, tuple(parameters))

    def _takes(self, character: str) -> bool:
        """Step over `character` and the blanks around it, if it is next."""
        self._skip_blanks()
        if not self._text.startswith(character, self._position):
            return False
        self._position += 1
        self._skip_blanks()
        return True

    def _skip_blanks(self) -> None:
        blanks = _SPACE.match(self._text, self._position)
        assert blanks is not None
        self._position = blanks.end()

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._position)
        if found is None:
            raise ValueError
        self._position = found.end()
        return found.group()
