"""One message, piece by piece."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from trioweb._websocket.outbox import Outbox
from trioweb._wire.events import Fragment
from trioweb._wire.websocket import WebSocketWire
from trioweb.errors import ConnectionClosed, LocalProtocolError


class MessageReader:
    """The pieces of one message, as an async iterator; one task at a time."""

    __slots__ = ("_next_item", "is_begun", "is_unfinished")

    def __init__(self, next_item: Callable[[], Awaitable[str | bytes | Fragment]]) -> None:
        self._next_item = next_item
        self.is_begun = False
        self.is_unfinished = True

    def __aiter__(self) -> MessageReader:
        return self

    async def __anext__(self) -> str | bytes:
        """Return the next piece, of one byte or more unless the message is empty.

        Raises:
            ConnectionClosed: The connection ended before the message did.

        Cancellation: Safe; a piece is returned or it stays.
        """
        if not self.is_unfinished:
            raise StopAsyncIteration
        item = await self._next_item()
        self.is_begun = True
        if not isinstance(item, Fragment):
            self.is_unfinished = False
            return item
        self.is_unfinished = not item.is_last
        if item.is_last and not item.data:
            raise StopAsyncIteration
        return item.data


class MessageWriter:
    """Sends the pieces of one message as its fragments (RFC 6455 §5.4)."""

    __slots__ = ("_error", "_has_ended", "_is_text", "_on_push", "_outbox", "_turn", "_wire", "is_begun")

    def __init__(
        self,
        wire: WebSocketWire,
        outbox: Outbox,
        *,
        is_text: bool,
        on_push: Callable[[], None],
        error: Callable[[], ConnectionClosed],
    ) -> None:
        self._wire = wire
        self._outbox = outbox
        self._is_text = is_text
        self._on_push = on_push
        self._error = error
        self._turn = trio.StrictFIFOLock()
        self._has_ended = False
        self.is_begun = False

    async def send(self, chunk: str | bytes) -> None:
        """Queue one piece, waiting while the outbox is full.

        Args:
            chunk: `str` when the stream was opened with `text=True`, else `bytes`.

        Raises:
            LocalProtocolError: `chunk` is of the other kind, or the stream's block has ended.
            ConnectionClosed: As for `WebSocket.send`.

        Cancellation: Atomic; the piece is queued whole or not at all. Leaving the block by
            the cancellation closes the connection, since the message stays incomplete.
        Concurrency: Any number of tasks; pieces follow each other in the order of the calls.
        """
        if not isinstance(chunk, str if self._is_text else bytes):
            expected = "str" if self._is_text else "bytes"
            raise LocalProtocolError(f"this stream takes {expected}, not {type(chunk).__name__}")
        async with self._turn:  # a message has one first frame
            try:
                frame = self._wire.encode_fragment(
                    chunk, is_text=self._is_text, is_first=not self.is_begun, is_last=False
                )
            except UnicodeEncodeError as error:
                raise LocalProtocolError(f"the text cannot be sent as UTF-8: {error}") from error
            outbox = self._outbox
            while not (outbox.is_sealed or self._has_ended or outbox.fragment_fits(frame)):
                await outbox.wait_for_progress()
            if outbox.is_sealed:
                raise self._error()
            if self._has_ended:
                raise LocalProtocolError("the message is whole: the block of its `send_stream` has ended")
            outbox.push_fragment(frame)
            self.is_begun = True
        self._on_push()

    def end(self) -> None:
        """Take no more pieces; whoever waits with one is told."""
        self._has_ended = True
        self._outbox.tell_progress()

    def last_frame(self) -> bytes:
        """Return the empty frame that makes the message whole."""
        frame = self._wire.encode_fragment(
            "" if self._is_text else b"", is_text=self._is_text, is_first=not self.is_begun, is_last=True
        )
        return frame if isinstance(frame, bytes) else b"".join(frame)
