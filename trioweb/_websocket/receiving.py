"""The receiving half of a WebSocket: messages taken out of its inbox."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from trioweb._transport.flusher import Flusher
from trioweb._transport.transport import Transport
from trioweb._websocket.cancellation import is_cancelled
from trioweb._websocket.closing_handshake import ClosingHandshake
from trioweb._websocket.intake import Intake
from trioweb._websocket.keepalive import Keepalive
from trioweb._websocket.message_stream import MessageReader
from trioweb._wire.events import Fragment
from trioweb.closing import Close, CloseCode
from trioweb.config import Limits, Timeouts
from trioweb.errors import ConnectionClosed, ReceiveBusy
from trioweb.json_text import read_json

YIELD_MASK = 31
"""A task that never has to wait still lets others run at every 32nd call."""


class ReceivingHalf(Intake):
    """Hands what is in the inbox to the one task that receives."""

    __slots__ = ("_calls", "_is_dirty", "_message_bytes")

    def __init__(
        self,
        transport: Transport,
        closing: ClosingHandshake,
        keepalive: Keepalive,
        flusher: Flusher,
        limits: Limits,
        timeouts: Timeouts,
    ) -> None:
        super().__init__(transport, closing, keepalive, flusher, limits, timeouts)
        self._calls = 0
        self._is_dirty = False
        self._message_bytes = limits.message_bytes

    @abstractmethod
    def _require_accepted(self) -> None:
        """Accept if that has not been done; raise if the connection has ended."""

    @abstractmethod
    def _flush(self) -> None:
        """Write what was put off."""

    async def receive(self) -> str | bytes:
        """Return the next message: `str` for a Text message, `bytes` for a Binary one.

        Raises:
            ConnectionClosedOK: The connection ended with 1000, 1001 or without a code,
                and every message that came before has been received.
            ConnectionClosedError: It ended in another way.
            AlreadyClosed: You closed it yourself.
            ReceiveBusy: Another task is receiving.

        Cancellation: Safe; a message is returned or it stays.
        Backpressure: While nobody receives, the inbox fills to `Limits.inbox_messages`
            or `Limits.inbox_bytes`; then reading stops and TCP slows the peer.
        Concurrency: One task at a time.
        """
        if self._inbox.items:  # otherwise waiting is the checkpoint
            self._calls = calls = self._calls + 1
            if not calls & YIELD_MASK or is_cancelled():
                await trio.lowlevel.checkpoint()
            message = self._take_message()
            if message is not None:
                return message
        return await self._wait_for_message()

    async def __anext__(self) -> str | bytes:
        # As `receive`, without a coroutine in between.
        try:
            if self._inbox.items:
                self._calls = calls = self._calls + 1
                if not calls & YIELD_MASK or is_cancelled():
                    await trio.lowlevel.checkpoint()
                message = self._take_message()
                if message is not None:
                    return message
            return await self._wait_for_message()
        except trio.EndOfChannel:
            raise StopAsyncIteration from None

    async def receive_text(self) -> str:
        """Return the next message, which must be text.

        Raises:
            ConnectionClosed: As `receive`; also when the message is binary, after the
                connection was closed with 1003.

        Cancellation: Safe.
        """
        message = await self.receive()
        if not isinstance(message, str):
            raise self._refuse(CloseCode.UNSUPPORTED_DATA, "expected a text message")
        return message

    async def receive_bytes(self) -> bytes:
        """Return the next message, which must be binary.

        Raises:
            ConnectionClosed: As `receive`; also when the message is text, after the
                connection was closed with 1003.

        Cancellation: Safe.
        """
        message = await self.receive()
        if not isinstance(message, bytes):
            raise self._refuse(CloseCode.UNSUPPORTED_DATA, "expected a binary message")
        return message

    async def receive_json(self) -> Any:
        """Return the next message's JSON value; text, or UTF-8 in a binary message.

        Raises:
            ConnectionClosed: As `receive`; also when the message is no JSON, after the
                connection was closed with 1007.

        Cancellation: Safe.
        """
        message = await self.receive()
        try:
            return read_json(message)
        except ValueError:
            raise self._refuse(CloseCode.INVALID_PAYLOAD, "expected JSON") from None

    @asynccontextmanager
    async def receive_stream(self) -> AsyncIterator[MessageReader]:
        """Receive one message piece by piece; it may be longer than memory should hold.

        `async with ws.receive_stream() as chunks: async for chunk in chunks: ...` gives
        `str` or `bytes` as the message's kind is. `Limits.message_bytes` does not apply.
        What is left of the message when the block ends is read and thrown away; if nothing
        was taken of it, it stays and is the next to be received.

        Raises:
            ConnectionClosed: The connection ended before the message did.
            ReceiveBusy: Another task is receiving.

        Backpressure: Reading stops while `Limits.inbox_bytes` wait to be taken.
        Concurrency: One task at a time, and no `receive` meanwhile.
        """
        await trio.lowlevel.checkpoint()  # first: a long message that comes meanwhile is held, not refused
        if self._is_receiving:
            raise _busy()
        self._is_receiving = True
        reader = MessageReader(self._next_item)
        try:
            self._require_accepted()
            if not self._inbox.items and self._wire is not None:
                self._wire.start_streaming()
                self._go_on_reading()
            yield reader
        finally:
            self._is_receiving = False
            if not reader.is_begun and self._wire is not None:
                self._wire.stop_streaming()
            elif reader.is_unfinished:
                self._skip_rest()

    def _take_message(self) -> str | bytes | None:
        """Take a message if a whole one is here."""
        if self._is_receiving:
            raise _busy()
        inbox = self._inbox
        if not inbox.items or type(inbox.items[-1]) is Fragment:
            return None
        item = inbox.items.pop()
        inbox.held_bytes -= item.__sizeof__()
        if self._is_paused:
            self._go_on_reading()
        return item  # type: ignore[return-value]  # it is no Fragment, as was looked up above

    async def _wait_for_message(self) -> str | bytes:
        if self._is_receiving:
            raise _busy()
        inbox = self._inbox
        self._is_receiving = True
        try:
            if self._closing.is_over:  # there may be nothing to wait for
                await trio.lowlevel.checkpoint()
            elif self._wire is None:
                await trio.lowlevel.checkpoint_if_cancelled()
            while not inbox.items:
                is_ending = self._closing.is_over or self._violation is not None
                is_disturbed = is_ending or self._is_dirty or self._is_paused or self._wire is None
                if is_disturbed and not self._must_wait():
                    continue
                inbox.task = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(inbox.forget_task)
                self._calls = 0  # others have run
            item = inbox.items.pop()
            inbox.held_bytes -= item.__sizeof__()
            if type(item) is Fragment:
                item = await self._assembled(item)
        finally:
            self._is_receiving = False
        if self._is_paused:
            self._go_on_reading()
        return item  # type: ignore[return-value]  # it is no Fragment any more

    async def _assembled(self, fragment: Fragment) -> str | bytes:
        """Receive whole what began to be streamed for a reader that left before it came."""
        parts: list[Any] = [fragment.data]
        try:
            while not fragment.is_last or sum(map(len, parts)) > self._message_bytes:
                if sum(map(len, parts)) > self._message_bytes:
                    self._refuse(CloseCode.MESSAGE_TOO_BIG, "a message over Limits.message_bytes")
                following = await self._next_item()
                assert isinstance(following, Fragment)
                fragment = following
                parts.append(fragment.data)
        except BaseException:
            self._inbox.put_back(Fragment(parts[0][:0].join(parts), is_last=False))
            raise
        return parts[0][:0].join(parts)  # type: ignore[no-any-return]

    async def _next_item(self) -> str | bytes | Fragment:
        await trio.lowlevel.checkpoint_if_cancelled()
        inbox = self._inbox
        while not inbox.items:
            if self._must_wait():
                inbox.task = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(inbox.forget_task)
        item = inbox.take()
        if self._is_paused:
            self._go_on_reading()
        return item

    def _must_wait(self) -> bool:
        """Do what can be done while nothing is in the inbox; say whether only waiting is left.

        Raises:
            ConnectionClosed: Nothing more will come.
        """
        if self._wire is None:
            self._require_accepted()
        if self._is_paused:
            self._go_on_reading()
            return False
        if self._is_dirty:
            self._flush()  # which may find the peer gone, and its last words
        if self._violation is not None and not self._inbox.items:
            self._fail_now()
        if self._closing.is_over and not self._inbox.items:
            raise self._closing.error()
        return not self._inbox.items

    def _refuse(self, code: CloseCode, reason: str) -> ConnectionClosed:
        """Close because of what was received, and return what the caller raises."""
        self._closing.begin(Close(code, reason))
        self._inbox.clear()
        self._discard()  # what comes now would come after a gap
        return self._closing.error()


def _busy() -> ReceiveBusy:
    return ReceiveBusy("another task is receiving from this WebSocket: one may at a time")
