"""Names and values in the encoding that browsers use for queries and simple forms."""

from __future__ import annotations

import re

SLICE_BYTES = 32 * 1024
"""How much is decoded at a time. Decoding needs many times the size of a slice in memory."""

_ESCAPES = re.compile(rb"(?:%[0-9A-Fa-f]{2})++")


class UrlencodedDecoder:
    """Reads `application/x-www-form-urlencoded`, in pieces that may be cut anywhere.

    Invalid escapes stay as they are (URL Standard §5.1): they give odd text, never an error.
    It holds the decoded pairs, and at most two bytes that may be the start of an escape.
    """

    __slots__ = ("_name", "_pairs", "_rest", "_value")

    def __init__(self) -> None:
        self._pairs: list[tuple[bytes, bytearray]] = []
        self._name = bytearray()
        self._value: bytearray | None = None  # None until the equals sign
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        for start in range(0, len(data), SLICE_BYTES):
            first, *others = data[start : start + SLICE_BYTES].split(b"&")
            self._take(first)
            for text in others:
                self._end_field()
                self._take(text)

    def finish(self) -> list[tuple[bytes, bytearray]]:
        """End the last field, and return all names and values, still as bytes.

        The caller knows the charset: that of a form may be in one of its fields.
        """
        self._end_field()
        pairs, self._pairs = self._pairs, []
        return pairs

    def _take(self, text: bytes) -> None:
        text = self._rest + text
        cut = text.rfind(b"%", -2)
        self._rest = b"" if cut < 0 else text[cut:]
        self._decode(text if cut < 0 else text[:cut])

    def _decode(self, text: bytes) -> None:
        if self._value is None:
            name, equals, text = text.partition(b"=")
            self._name += _unescaped(name)
            if not equals:
                return
            self._value = bytearray()
        self._value += _unescaped(text)

    def _end_field(self) -> None:
        self._decode(self._rest)
        self._rest = b""
        if self._name or self._value is not None:
            self._pairs.append((bytes(self._name), self._value or bytearray()))
        self._name, self._value = bytearray(), None


def decode_urlencoded(octets: bytes) -> list[tuple[bytes, bytearray]]:
    """Return the names and values of a complete text; see `UrlencodedDecoder`."""
    decoder = UrlencodedDecoder()
    decoder.feed(octets)
    return decoder.finish()


def _unescaped(text: bytes) -> bytes:
    text = text.replace(b"+", b" ")
    return _ESCAPES.sub(_octets, text) if b"%" in text else text


def _octets(escapes: re.Match[bytes]) -> bytes:
    return bytes.fromhex(escapes[0].replace(b"%", b"").decode("ascii"))
