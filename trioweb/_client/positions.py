"""Positions in a room's history: read from messages, and put into the URL of the next connection.

A server that keeps a history sends each message in an envelope (`json_envelope`):

    {"position": "f3a-17", "message": {"text": "hi"}}

The client hands out the inner message, character by character as it was sent, and remembers the
position. When it connects again, the position goes into a parameter of the query, and the server
goes on from there.

The position of a message counts as soon as the message is handed out. Messages that still wait in
the inbox when a connection ends are received first, since `receive` raises only after the last one;
a program that leaves earlier gets them again from the server.
"""

from __future__ import annotations

import json
import re
from typing import NoReturn
from urllib.parse import quote, unquote_plus

from trioweb.errors import ConfigError

_BLANK = " \t\n\r"  # RFC 8259 §2
_MEMBER = re.compile(rf'[{_BLANK}]*([{{,])[{_BLANK}]*"(position|message)"[{_BLANK}]*:[{_BLANK}]*')


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


# Only the places where values begin and end matter, so numbers stay text. Python would convert
# them, which costs time, and refuses those with very many digits.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse)


class Positions:
    """Opens envelopes, and keeps the position of the last one.

    Args:
        parameter: The name of the parameter that takes the position.
        position: The position to begin with.
    """

    __slots__ = ("_parameter", "position")

    def __init__(self, parameter: str, position: str | None = None) -> None:
        if not (isinstance(parameter, str) and parameter):  # type: ignore[redundant-expr]
            raise ConfigError(
                f'resume takes the name of a query parameter, such as "since", not {parameter!r}'
            )
        self._parameter = parameter
        self.position = position

    def after(self) -> Positions:
        """Return the positions for the next connection, which begin where these have arrived.

        A task may still receive from the last connection. It must not move the position back.
        """
        return Positions(self._parameter, self.position)

    def opened(self, message: str | bytes) -> str | bytes:
        """Return the message in an envelope and keep its position; return any other message as it is."""
        parts = _open(message) if isinstance(message, str) else None
        if parts is None:
            return message
        self.position, message = parts
        return message

    def put_into(self, url: str) -> str:
        """Return the URL with the position in its query, in place of an earlier one."""
        if self.position is None:
            return url
        address, _, query = url.partition("?")
        others = [pair for pair in query.split("&") if pair and not self._is_ours(pair)]
        ours = f"{quote(self._parameter, safe='')}={quote(self.position, safe='')}"
        return f"{address}?{'&'.join([*others, ours])}"

    def _is_ours(self, pair: str) -> bool:
        return unquote_plus(pair.partition("=")[0]) == self._parameter


def _open(text: str) -> tuple[str, str] | None:
    """Return the position and the message in an envelope, or `None` if the text is not one.

    An envelope is a JSON object with exactly these two members, in either order. A message of the
    application's own that has more than these would lose the rest.
    """
    found: dict[str, str] = {}
    end = 0
    for separator in "{,":
        member = _MEMBER.match(text, end)
        if member is None or member[1] != separator:
            return None
        try:
            _, end = _DECODER.raw_decode(text, member.end())
        except (ValueError, RecursionError):
            return None
        found[member[2]] = text[member.end() : end]
    if len(found) < 2 or text[end:].strip(_BLANK) != "}":
        return None
    position = _text_of(found["position"])
    return None if position is None else (position, found["message"])


def _text_of(value: str) -> str | None:
    """Return the text of a JSON string; `None` for other values, and for text that a URL cannot hold."""
    if not value.startswith('"'):
        return None
    text = str(_DECODER.decode(value))
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return None
    return text
