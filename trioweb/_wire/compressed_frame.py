"""A message that arrived whole in one compressed frame, inflated a part at a time.

Nearly every compressed message is one frame. wsproto would inflate it in one go: a kilobyte on the wire can
become a megabyte, for which everybody else would have to wait. Here at most `PART_BYTES` are inflated in one
turn, and the bytes that are left wait compressed.
"""

from __future__ import annotations

import zlib
from codecs import IncrementalDecoder

from trioweb._wire.deflate import FLUSH_TAIL
from trioweb._wire.frames import FINAL, TEXT
from trioweb._wire.inflate import PART_BYTES, Inflater
from trioweb._wire.utf8 import NOT_UTF8, utf8_decoder
from trioweb.closing import CloseCode
from trioweb.errors import MessageTooBig, RemoteProtocolError

_WINDOW_BYTES = 4096
"""How much input zlib gets at once. It copies whatever it does not take, so a whole message would be copied
for each part of it."""

_STROKES = 16
"""How many calls of zlib there are for one part. A peer can write a stream that ends after every two bytes,
with a new call for each."""


class CompressedFrame:
    """One such message, which wsproto never sees (RFC 7692 §7.2.2).

    Args:
        inflater: Holds the context that earlier messages have left, and the limit.
        first: The frame's first byte, without the reserved bit.
        payload: The whole payload, unmasked.

    Attributes:
        is_complete: Nothing is left to inflate.
    """

    __slots__ = ("_data", "_decoder", "_inflated_bytes", "_inflater", "_is_text", "_position", "is_complete")

    def __init__(self, inflater: Inflater, first: int, payload: bytes) -> None:
        self._inflater = inflater
        self._data = payload + FLUSH_TAIL
        self._position = 0
        self._inflated_bytes = 0
        self._is_text = first == FINAL | TEXT
        self._decoder: IncrementalDecoder | None = None
        self.is_complete = False

    def next_part(self, *, is_limited: bool = True) -> str | bytes:
        """Inflate and decode the next part.

        Args:
            is_limited: Whether the message may inflate to no more than the limit.

        Raises:
            RemoteProtocolError: It cannot be inflated, inflates to too much, or is not UTF-8.
        """
        try:
            part = self._inflate(is_limited=is_limited)
            self._inflater.turn_bytes += len(part)
            if not self._is_text:
                return part
            if self._decoder is None:
                if self.is_complete:
                    return part.decode()
                self._decoder = utf8_decoder()
            return self._decoder.decode(part, final=self.is_complete)
        except zlib.error as error:
            raise self._inflater.broken(error) from None
        except UnicodeDecodeError:
            raise RemoteProtocolError(NOT_UTF8, close_code=CloseCode.INVALID_PAYLOAD) from None

    def _inflate(self, *, is_limited: bool) -> bytes:
        inflater, part = self._inflater, b""
        for _ in range(_STROKES):
            most = PART_BYTES - len(part)
            if is_limited:
                most = min(most, inflater.message_bytes - self._inflated_bytes)
            try:
                piece = self._stroke(most)
            except MessageTooBig:
                if self._is_text:  # a mistake in the text comes before the byte over the limit
                    (self._decoder or utf8_decoder()).decode(part)
                raise
            part = part + piece if part else piece
            self._inflated_bytes += len(piece)
            if self.is_complete or len(part) == PART_BYTES:
                break
        return part

    def _stroke(self, most: int) -> bytes:
        """Inflate up to `most` bytes by one call of zlib; 0 means that the message has reached its limit."""
        data, position, inflater = self._data, self._position, self._inflater
        stream = inflater.stream
        if stream is None:
            # A block with BFINAL has ended zlib's stream, so there is no block for the tail to end (RFC 7692
            # §7.2.3.4).
            if len(data) - position == len(FLUSH_TAIL):
                self._complete()
                return b""
            stream = inflater.open_stream()
        window = data[position : position + _WINDOW_BYTES]
        piece = stream.decompress(window, most) if most else inflater.inflate_at_limit(stream, window)
        rest = stream.unused_data if stream.eof else stream.unconsumed_tail
        self._position = position = position + len(window) - len(rest)
        if stream.eof:  # the end of zlib's stream, but not of the message
            inflater.stream = None
        elif most and len(piece) == most:  # zlib may have more to give
            return piece
        if position == len(data):
            self._complete()
        return piece

    def _complete(self) -> None:
        self.is_complete = True
        self._data = b""
        if not self._inflater.keeps_context:
            self._inflater.stream = None
