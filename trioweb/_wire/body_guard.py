"""The judges of a request's body: which of the bytes that came are its own."""

from __future__ import annotations

import re
from enum import Enum, auto

from trioweb._wire.field_line import LineScanner, split_field
from trioweb.errors import BodyTooLarge, HeadersTooLarge, RemoteProtocolError

CHUNK_LINE_BYTES = 256
"""A chunk's size and extensions; nobody sends extensions (RFC 9112 §7.1.1)."""

CHUNKS_AT_ONCE = 64
"""Chunks taken in one call, a quarter of a millisecond's work: there may be 20 000 of a byte in one read."""

# Stricter than h11: no whitespace around the size, no lone CR in an extension.
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})((?:;[\t\x20-\x7e\x80-\xff]*)?)")
_START_OF_CHUNK_LINE = re.compile(rb"(?:[0-9A-Fa-f]{1,16}(?:;[\t\x20-\x7e\x80-\xff]*)?\r?)?")


# A trailer that says how to read the message it ends would be read by some (RFC 9110 §6.5.1).
_NO_TRAILERS = frozenset({b"content-length", b"host", b"transfer-encoding"})


class LengthGuard:
    """A body of a declared length (RFC 9112 §6.2)."""

    __slots__ = ("_remaining_bytes",)

    def __init__(self, content_bytes: int) -> None:
        self._remaining_bytes = content_bytes

    def take(self, data: bytearray) -> bytes:
        """Take what belongs to the body off the front of `data`."""
        taken = bytes(data[: self._remaining_bytes])
        del data[: len(taken)]
        self._remaining_bytes -= len(taken)
        return taken


class ChunkPart(Enum):
    """What comes next in a body of chunks."""

    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILERS = auto()


class ChunkGuard:
    """A body in chunks (RFC 9112 §7.1), put into an order that has one reading only.

        SIZE -> DATA -> DATA_END -> SIZE ...    a chunk: size CRLF, data, CRLF
        SIZE -> TRAILERS                        the last one: 0 CRLF, fields, empty line

    h11 takes lines that end with LF alone and lone CRs in extensions, bounds neither
    extensions nor trailers, and needs ten times as long for a chunk of one byte. So it
    gets one plain chunk for all those that came together, and no extensions or trailers.

    Args:
        body_bytes: How long the decoded body may be.
        head_bytes: How long extensions and trailers may be, all together.
    """

    __slots__ = ("_body_bytes", "_overhead_bytes", "_part", "_remaining_bytes", "_trailers")

    def __init__(self, *, body_bytes: int, head_bytes: int) -> None:
        self._body_bytes = body_bytes
        self._overhead_bytes = head_bytes
        self._remaining_bytes = 0
        self._part = ChunkPart.SIZE
        self._trailers = LineScanner()

    def take(self, data: bytearray) -> bytes:
        """Take what is complete off the front of `data`, of `CHUNKS_AT_ONCE` chunks, and return it for h11.

        Nothing is returned when more is needed. What is good comes before what is wrong:
        the error is then raised by the next call.

        Raises:
            RemoteProtocolError: The chunks are malformed; to be answered 400.
            BodyTooLarge: Their announced sizes exceed `body_bytes`.
            HeadersTooLarge: Extensions and trailers exceed `head_bytes`.
        """
        pieces: list[bytes] = []
        position = 0
        try:
            while (
                position < len(data) and self._part is not ChunkPart.TRAILERS and len(pieces) < CHUNKS_AT_ONCE
            ):
                count = self._take_part(data, position, pieces)
                if not count:
                    break
                position += count
        except RemoteProtocolError:
            if not pieces:
                raise
        del data[:position]
        if pieces:
            body = b"".join(pieces)
            return b"%x\r\n%b\r\n" % (len(body), body)
        return b"0\r\n\r\n" if self._part is ChunkPart.TRAILERS and self._has_taken_trailers(data) else b""

    def _take_part(self, data: bytearray, position: int, pieces: list[bytes]) -> int:
        """Take one step and return its length; one that raises would raise again."""
        if self._part is ChunkPart.SIZE:
            return self._take_size(data, position)
        if self._part is ChunkPart.DATA:
            piece = bytes(data[position : position + self._remaining_bytes])
            pieces.append(piece)
            self._remaining_bytes -= len(piece)
            if not self._remaining_bytes:
                self._part = ChunkPart.DATA_END
            return len(piece)
        end = bytes(data[position : position + 2])
        if end == b"\r\n":
            self._part = ChunkPart.SIZE
            return 2
        if end == b"\r":
            return 0
        raise RemoteProtocolError("a chunk is longer than its size says: expected CRLF behind it", 400)

    def _take_size(self, data: bytearray, position: int) -> int:
        end = data.find(b"\r\n", position, position + CHUNK_LINE_BYTES)
        if end < 0:
            _check_start(data[position : position + CHUNK_LINE_BYTES])
            return 0
        match = _CHUNK_LINE.fullmatch(data, position, end)
        if match is None:
            raise _malformed()
        size = int(match[1], 16)
        if size > self._body_bytes:
            raise BodyTooLarge("the body of a request, in chunks, is too long (Limits.body_bytes)")
        if len(match[2]) > self._overhead_bytes:
            raise HeadersTooLarge("too many bytes of chunk extensions (Limits.head_bytes)")
        self._body_bytes -= size
        self._overhead_bytes -= len(match[2])
        self._remaining_bytes = size
        self._part = ChunkPart.DATA if size else ChunkPart.TRAILERS
        return end + 2 - position

    def _has_taken_trailers(self, data: bytearray) -> bool:
        end = min(len(data), self._overhead_bytes)
        while (line := self._trailers.next_line(data, end)) is not None:
            if not line:
                del data[: self._trailers.position]
                return True
            name, _ = split_field(line)
            if name in _NO_TRAILERS:
                raise RemoteProtocolError(f"{name.decode()} among the trailers of a body", 400)
        if end == self._overhead_bytes:
            raise HeadersTooLarge("the trailers of a body in chunks are too long (Limits.head_bytes)")
        return False


def _check_start(start: bytearray) -> None:
    """Refuse the first part of a line that cannot become a chunk's."""
    if not _START_OF_CHUNK_LINE.fullmatch(start):
        raise _malformed()
    if len(start) == CHUNK_LINE_BYTES:
        raise RemoteProtocolError(f"a chunk's line is longer than {CHUNK_LINE_BYTES} bytes", 400)


def _malformed() -> RemoteProtocolError:
    return RemoteProtocolError(
        "a chunk has to start with its size in at most 16 hexadecimal digits and CRLF", 400
    )
