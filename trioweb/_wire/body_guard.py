"""The judges of a request's body: how many of the bytes that came belong to it."""

from __future__ import annotations

import re
from enum import Enum, auto

from trioweb._wire.field_line import LineScanner, split_field
from trioweb.errors import BodyTooLarge, HeadersTooLarge, RemoteProtocolError

CHUNK_LINE_BYTES = 256
"""A chunk's size and extensions; nobody sends extensions (RFC 9112 §7.1.1)."""

# Stricter than h11: no whitespace around the size, no lone CR in an extension.
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})((?:;[\t\x20-\x7e\x80-\xff]*)?)")
_START_OF_CHUNK_LINE = re.compile(rb"(?:[0-9A-Fa-f]{1,16}(?:;[\t\x20-\x7e\x80-\xff]*)?\r?)?")


class LengthGuard:
    """A body of a declared length (RFC 9112 §6.2)."""

    __slots__ = ("_remaining_bytes",)

    def __init__(self, content_bytes: int) -> None:
        self._remaining_bytes = content_bytes

    def admit(self, data: bytearray) -> int:
        """Return how many bytes at the front of `data` belong to the body."""
        count = min(len(data), self._remaining_bytes)
        self._remaining_bytes -= count
        return count


class Step(Enum):
    """What comes next in a body of chunks."""

    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILERS = auto()
    END = auto()


class ChunkGuard:
    """A body in chunks (RFC 9112 §7.1), followed line by line and not decoded.

        SIZE -> DATA -> DATA_END -> SIZE ...    a chunk: size CRLF, data, CRLF
        SIZE -> TRAILERS -> END                 the last one: 0 CRLF, fields, empty line

    h11 decodes, but takes lines that end with LF alone and lone CRs in extensions, and
    bounds neither extensions nor trailers. It gets only what was admitted here.

    Args:
        body_bytes: How long the decoded body may be.
        head_bytes: How long extensions and trailers may be, all together.
    """

    __slots__ = ("_body_bytes", "_overhead_bytes", "_remaining_bytes", "_step", "_trailers")

    def __init__(self, *, body_bytes: int, head_bytes: int) -> None:
        self._body_bytes = body_bytes
        self._overhead_bytes = head_bytes
        self._remaining_bytes = 0
        self._step = Step.SIZE
        self._trailers = LineScanner()

    def admit(self, data: bytearray) -> int:
        """Return how many bytes at the front of `data` are good; the caller takes them away.

        What is good comes before what is wrong: the error is raised by the next call.

        Raises:
            RemoteProtocolError: The chunks are malformed; to be answered 400.
            BodyTooLarge: Their announced sizes exceed `body_bytes`.
            HeadersTooLarge: Extensions and trailers exceed `head_bytes`.
        """
        position = 0
        while position < len(data) and self._step is not Step.END:
            # The scanner of the trailers counts from the front of the buffer.
            if self._step is Step.TRAILERS:
                return position or self._admit_trailers(data)
            try:
                count = self._admit_piece(data, position)
            except RemoteProtocolError:
                if position:
                    break
                raise
            if not count:
                break
            position += count
        return position

    def _admit_piece(self, data: bytearray, position: int) -> int:
        """Take one step; one that raises has changed nothing and would raise again."""
        if self._step is Step.SIZE:
            return self._admit_size(data, position)
        if self._step is Step.DATA:
            count = min(len(data) - position, self._remaining_bytes)
            self._remaining_bytes -= count
            if not self._remaining_bytes:
                self._step = Step.DATA_END
            return count
        end = data[position : position + 2]
        if end == b"\r\n":
            self._step = Step.SIZE
            return 2
        if end == b"\r":
            return 0
        raise RemoteProtocolError("a chunk is longer than its size says: expected CRLF behind it", 400)

    def _admit_size(self, data: bytearray, position: int) -> int:
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
        self._step = Step.DATA if size else Step.TRAILERS
        return end + 2 - position

    def _admit_trailers(self, data: bytearray) -> int:
        end = min(len(data), self._overhead_bytes)
        while (line := self._trailers.next_line(data, end)) is not None:
            if not line:
                self._step = Step.END
                return self._trailers.position
            split_field(line)
        if end == self._overhead_bytes:
            raise HeadersTooLarge("the trailers of a body in chunks are too long (Limits.head_bytes)")
        return 0


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
