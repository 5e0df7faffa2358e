"""The guards of a request's body: where it ends, and how much of it may come.

The next request begins where a body ends. A proxy and a server that disagree about that place read
different requests from the same bytes, which is the classic way to smuggle a request past the proxy
(RFC 9112 §11.2). The end of a body with a declared length is beyond dispute. Chunks can be written in
many ways, and not all readers accept the same ones. So unusual forms are refused here, and h11 gets
only the plainest.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from trioweb._wire.http1.field_line import LineScanner, split_field
from trioweb.errors import BodyTooLarge, HeadersTooLarge, RemoteProtocolError

CHUNK_LINE_BYTES = 256
"""The longest line before a chunk: its size, with extensions, which hardly any client sends (RFC 9112 §7.1.1).
Without a bound, a client could send such a line for ever, and no limit on the body would ever apply."""

CHUNKS_AT_ONCE = 64
"""Chunks taken in one call. That is a quarter of a millisecond's work; one read may hold 20 000 chunks of one
byte, and taking them all would keep every other connection waiting."""

# Stricter than h11: no whitespace around the size, no lone CR in an extension. At most 16 digits, because a
# size of more than 64 bits overflows in some readers, which then see a short chunk.
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})((?:;[\t\x20-\x7e\x80-\xff]*)?)")
_START_OF_CHUNK_LINE = re.compile(rb"(?:[0-9A-Fa-f]{1,16}(?:;[\t\x20-\x7e\x80-\xff]*)?\r?)?")


# These fields decide how a message is read, so they must not come after it. Some readers would obey them even
# in trailers, and read the message differently (RFC 9110 §6.5.1).
_NO_TRAILERS = frozenset({b"content-length", b"host", b"transfer-encoding"})


class LengthGuard:
    """A body of a declared length (RFC 9112 §6.2).

    The length was compared with the limit when it was declared, so this guard only finds the end.
    """

    __slots__ = ("_remaining_bytes",)

    def __init__(self, content_bytes: int) -> None:
        self._remaining_bytes = content_bytes

    def take(self, data: bytearray) -> bytes:
        """Take the bytes that belong to the body off the front of `data`, as far as they are there."""
        taken = bytes(data[: self._remaining_bytes])
        del data[: len(taken)]
        self._remaining_bytes -= len(taken)
        return taken


class ChunkPart(Enum):
    """The part of a chunked body that comes next."""

    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILERS = auto()


class ChunkGuard:
    """A body in chunks (RFC 9112 §7.1), rewritten so that it has only one reading.

        SIZE -> DATA -> DATA_END -> SIZE ...    a chunk: size CRLF, data, CRLF
        SIZE -> TRAILERS                        the last one: 0 CRLF, fields, empty line

    h11 accepts lines that end with LF alone, and lone CRs in extensions. It bounds neither extensions
    nor trailers, and takes ten times as long for a chunk of one byte. So all chunks that arrived
    together reach it as one plain chunk, without extensions or trailers.

    A chunk that is too long is refused as soon as it announces its size, before its data arrives. So
    the client learns of the limit as early as possible, and no byte above it is ever held.

    Args:
        body_bytes: How long the decoded body may be.
        overhead_bytes: How long extensions and trailers may be, all together.
    """

    __slots__ = ("_body_bytes", "_overhead_bytes", "_part", "_remaining_bytes", "_trailers")

    def __init__(self, *, body_bytes: int, overhead_bytes: int) -> None:
        self._body_bytes = body_bytes
        self._overhead_bytes = overhead_bytes
        self._remaining_bytes = 0
        self._part = ChunkPart.SIZE
        self._trailers = LineScanner()

    def take(self, data: bytearray) -> bytes:
        """Take up to `CHUNKS_AT_ONCE` chunks off the front of `data`, and return them for h11.

        Returns `b""` if more has to arrive first. Chunks before a mistake are still returned, and the
        next call raises its error. So a body gives the same pieces and the same error however the
        client's packets were cut.

        Raises:
            RemoteProtocolError: The chunks are malformed: status 400.
            BodyTooLarge: Their announced sizes exceed `body_bytes`.
            HeadersTooLarge: Extensions and trailers exceed `overhead_bytes`.
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
        return b"0\r\n\r\n" if self._part is ChunkPart.TRAILERS and self._take_trailers(data) else b""

    def _take_part(self, data: bytearray, position: int, pieces: list[bytes]) -> int:
        """Take the next part of a chunk and return its length; 0 if more has to arrive first.

        A call that raises changes nothing, so that the next one raises again.
        """
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
        raise RemoteProtocolError("a chunk is longer than its size says: expected CRLF after it", 400)

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

    def _take_trailers(self, data: bytearray) -> bool:
        """Take the trailers once all of them have arrived; return whether they have.

        Their content is dropped, as RFC 9110 §6.5.1 allows: most fields matter before the body, and
        merging late ones into the headers could undo a check that has already passed.
        """
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
    """Refuse an incomplete line if its beginning shows that it cannot be the line before a chunk."""
    if not _START_OF_CHUNK_LINE.fullmatch(start):
        raise _malformed()
    if len(start) == CHUNK_LINE_BYTES:
        raise RemoteProtocolError(f"a chunk's line is longer than {CHUNK_LINE_BYTES} bytes", 400)


def _malformed() -> RemoteProtocolError:
    return RemoteProtocolError(
        "a chunk has to start with its size in at most 16 hexadecimal digits and CRLF", 400
    )
