"""A message that came whole in one compressed frame, inflated a part at a time."""

from __future__ import annotations

import zlib
from codecs import IncrementalDecoder, getincrementaldecoder

from trioweb._wire.frames import FINAL, TEXT
from trioweb._wire.inflate import FLUSH_TAIL, PART_BYTES, Inflater
from trioweb._wire.judge import NOT_UTF8
from trioweb.closing import CloseCode
from trioweb.errors import RemoteProtocolError

_WINDOW_BYTES = 4096
"""Input handed to zlib at once, since it copies what it does not take."""

_STROKES = 16
"""Calls of zlib for one part: a peer can have zlib begin anew with every two bytes."""

_utf8_decoder = getincrementaldecoder("utf-8")


class CompressedFrame:
    """Past wsproto, with the context that the messages before it have left (RFC 7692 §7.2.2).

    Args:
        inflater: Has that context, and the limit.
        first: The frame's first byte, without the reserved bit.
        payload: All of it.

    Attributes:
        is_complete: Nothing is left to inflate.
    """

    __slots__ = ("_data", "_decoder", "_inflated_bytes", "_inflater", "_is_text", "_position", "is_complete")

    def __init__(self, inflater: Inflater, first: int, payload: bytes) -> None:
        self._inflater = inflater
        self._data = payload + FLUSH_TAIL  # which the peer has left out
        self._position = 0
        self._inflated_bytes = 0
        self._is_text = first == FINAL | TEXT
        self._decoder: IncrementalDecoder | None = None
        self.is_complete = False

    def next_part(self, *, is_limited: bool = True) -> str | bytes:
        """Inflate and decode on.

        Args:
            is_limited: Whether the message may inflate to no more than the limit.

        Raises:
            RemoteProtocolError: It cannot be inflated, inflates to too much, or is no UTF-8.
        """
        try:
            part = self._inflate(is_limited=is_limited)
            self._inflater.turn_bytes += len(part)
            if not self._is_text:
                return part
            if self._decoder is None:
                if self.is_complete:
                    return part.decode()
                self._decoder = _utf8_decoder()
            return self._decoder.decode(part, final=self.is_complete)
        except zlib.error as error:
            raise self._inflater.broken(error) from None
        except UnicodeDecodeError:
            raise RemoteProtocolError(NOT_UTF8, close_code=CloseCode.INVALID_PAYLOAD) from None

    def _inflate(self, *, is_limited: bool) -> bytes:
        inflater, part = self._inflater, b""
        for _ in range(_STROKES):
            most = PART_BYTES - len(part)
            if is_limited:  # one byte over the limit tells that it was passed
                most = min(most, inflater.message_bytes - self._inflated_bytes + 1)
            piece = self._stroke(most)
            part = part + piece if part else piece
            self._inflated_bytes += len(piece)
            if is_limited and self._inflated_bytes > inflater.message_bytes:
                raise inflater.too_big()
            if self.is_complete or len(part) == PART_BYTES:
                break
        return part

    def _stroke(self, most: int) -> bytes:
        """Let zlib do what it can with the next of the input, up to `most` bytes."""
        data, position, inflater = self._data, self._position, self._inflater
        stream = inflater.stream
        if stream is None:
            # A block with BFINAL has left none for the tail to end (RFC 7692 §7.2.3.4).
            if len(data) - position == len(FLUSH_TAIL):
                self._complete()
                return b""
            stream = inflater.open_stream()
        window = data[position : position + _WINDOW_BYTES]
        piece = stream.decompress(window, most)
        rest = stream.unused_data if stream.eof else stream.unconsumed_tail
        self._position = position = position + len(window) - len(rest)
        if stream.eof:  # of zlib's stream, but not of the message
            inflater.stream = None
        elif len(piece) == most:  # zlib may hold more
            return piece
        if position == len(data):
            self._complete()
        return piece

    def _complete(self) -> None:
        self.is_complete = True
        self._data = b""
        if not self._inflater.keeps_context:
            self._inflater.stream = None
