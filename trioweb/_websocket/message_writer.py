"""A message that is sent piece by piece.

Its frames have to follow each other (RFC 6455 §5.4), so the outbox holds back all other messages
until it is complete. The last frame is empty, and is added at the end of the block. Only then is it
known which piece was the last, and to mark that one, each piece would have to wait for the next.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from trioweb._websocket.closing_handshake import ClosingHandshake
from trioweb._websocket.outlet import Outlet
from trioweb._wire.websocket import WebSocketWire
from trioweb.closing import Close, CloseCode
from trioweb.errors import LocalProtocolError


class MessageWriter:
    """Sends the pieces of one message as its fragments (RFC 6455 §5.4)."""

    __slots__ = ("_closing", "_has_ended", "_is_begun", "_is_text", "_outlet", "_turn", "_wire")

    def __init__(
        self, wire: WebSocketWire, outlet: Outlet, closing: ClosingHandshake, *, is_text: bool
    ) -> None:
        self._wire = wire
        self._outlet = outlet
        self._closing = closing
        self._is_text = is_text
        self._turn = trio.StrictFIFOLock()
        self._has_ended = False
        self._is_begun = False

    async def send(self, chunk: str | bytes) -> None:
        """Queue one piece, waiting while the outbox is full.

        Args:
            chunk: `str` when the stream was opened with `text=True`, else `bytes`.

        Raises:
            LocalProtocolError: `chunk` has the other type, or the stream's block has ended.
            ConnectionClosed: As for `WebSocket.send`.

        Cancellation: Atomic; the piece is queued whole or not at all. If the cancellation leaves
            the block, the connection is closed, because the message stays incomplete.
        Concurrency: Any number of tasks; pieces follow each other in the order of the calls.
        """
        if not isinstance(chunk, str if self._is_text else bytes):
            expected = "str" if self._is_text else "bytes"
            raise LocalProtocolError(f"this stream takes {expected}, not {type(chunk).__name__}")
        async with self._turn:  # a message has one first frame
            try:
                frame = self._wire.encode_fragment(
                    chunk, is_text=self._is_text, is_first=not self._is_begun, is_last=False
                )
            except UnicodeEncodeError as error:
                raise LocalProtocolError(f"the text cannot be sent as UTF-8: {error}") from error
            outbox = self._outlet.outbox
            # Not in the line of senders. The messages there wait until this one is complete, so its
            # pieces have to get in before them.
            while not (outbox.is_sealed or self._has_ended or outbox.fragment_fits(frame)):
                await outbox.wait_for_progress()
            if outbox.is_sealed:
                raise self._closing.error()
            if self._has_ended:
                raise LocalProtocolError("the message is whole: the block of its `send_stream` has ended")
            outbox.push_fragment(frame)
            self._is_begun = True
        self._outlet.write()

    def _end(self) -> None:
        """Take no more pieces; tasks that wait with one get an error."""
        self._has_ended = True
        self._outlet.outbox.tell_progress()

    def _last_frame(self) -> bytes:
        """Return the empty frame that makes the message whole."""
        frame = self._wire.encode_fragment(
            "" if self._is_text else b"", is_text=self._is_text, is_first=not self._is_begun, is_last=True
        )
        return frame if isinstance(frame, bytes) else b"".join(frame)


@asynccontextmanager
async def written(
    outlet: Outlet, closing: ClosingHandshake, *, is_text: bool
) -> AsyncIterator[MessageWriter]:
    """Send one message in pieces; when the block ends, it is complete or broken off.

    A message broken off after its first piece can never be completed, and nothing else may come
    between its frames, so the connection must be closed.
    """
    # ruff: noqa: SLF001 - users hold a writer, and see only `send`
    assert outlet.wire is not None  # it is open
    outlet.outbox.begin_stream()
    writer = MessageWriter(outlet.wire, outlet, closing, is_text=is_text)
    last_frame = None
    try:
        yield writer
        last_frame = writer._last_frame()
    finally:
        writer._end()
        if writer._is_begun and last_frame is None:
            closing.begin(Close(CloseCode.INTERNAL_ERROR, "a message was broken off"))
        outlet.outbox.end_stream(last_frame)
        outlet.write()
