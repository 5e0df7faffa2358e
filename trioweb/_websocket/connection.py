"""A WebSocket as a Trio channel, through which a handler sends and receives.

`receive`, `__anext__` and `send` are coroutines of this class and use the parts directly. If they
awaited a coroutine of a part, Trio would have to resume one more frame for each message, which is
some 3 % of an echo. Calling a synchronous method of a part costs next to nothing, so everything
else is done there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from trioweb._transport.transport import WRITE_BYTES
from trioweb._websocket.cancellation import is_cancelled
from trioweb._websocket.message_reader import MessageReader, reading
from trioweb._websocket.message_writer import MessageWriter, written
from trioweb._websocket.outbox_channel import OutboxChannel
from trioweb._websocket.outbox_entry import Entry
from trioweb._websocket.parts import Handshake, Parts
from trioweb._websocket.state import State
from trioweb._websocket.traffic import Traffic, traffic_of
from trioweb.closing import Close, CloseCode
from trioweb.errors import ConnectionClosed, LocalProtocolError, OutboxFull, checked_close
from trioweb.json_text import read_json, write_json

YIELD_MASK = 31
"""A task that never has to wait still lets others run at every 32nd call."""


class WebSocketConnection(trio.abc.Channel[str | bytes]):
    """One WebSocket: messages in, messages out, and an end that both sides agree on.

    Any number of tasks may send, ping and close at the same time; one may receive.
    Pings are answered and closes noticed whatever the handler is doing.

    Args:
        parts: The parts it is made of.
        handshake: The handshake, which the first use accepts.
    """

    __slots__ = (
        "__weakref__",
        "_closing",
        "_handshake",
        "_inbox",
        "_intake",
        "_keepalive",
        "_outlet",
        "_subprotocol",
        "_writer_turn",
    )

    def __init__(self, parts: Parts, handshake: Handshake | None = None) -> None:
        self._inbox, self._intake, self._outlet, self._closing, self._keepalive = parts
        self._handshake = handshake
        self._subprotocol: str | None = None
        self._writer_turn: trio.Lock | None = None

    # Receiving.

    async def receive(self) -> str | bytes:
        """Return the next message: `str` for a Text message, `bytes` for a Binary one.

        Raises:
            ConnectionClosedOK: The connection ended with 1000, 1001 or without a code,
                and every message before that has been received.
            ConnectionClosedError: It ended in any other way.
            AlreadyClosed: You closed it yourself.
            ReceiveBusy: Another task is receiving.

        Cancellation: Safe; a message is either returned or stays in the inbox.
        Backpressure: While nobody receives, the inbox fills to `Limits.inbox_messages`
            or `Limits.inbox_bytes`; then reading stops and TCP slows the peer.
        Concurrency: One task at a time.
        """
        intake = self._intake
        if self._inbox.items:  # otherwise waiting is the checkpoint
            intake.calls = calls = intake.calls + 1
            if not calls & YIELD_MASK or is_cancelled():
                await trio.lowlevel.checkpoint()
            message = intake.take_message()
            if message is not None:
                return message
        elif self._handshake is not None:
            await self._accept_first()
        return await intake.receive_message()

    async def __anext__(self) -> str | bytes:
        # As `receive`, without a coroutine in between.
        intake = self._intake
        try:
            if self._inbox.items:
                intake.calls = calls = intake.calls + 1
                if not calls & YIELD_MASK or is_cancelled():
                    await trio.lowlevel.checkpoint()
                message = intake.take_message()
                if message is not None:
                    return message
            elif self._handshake is not None:
                await self._accept_first()
            return await intake.receive_message()
        except trio.EndOfChannel:
            raise StopAsyncIteration from None

    async def _accept_first(self) -> None:
        self._intake.check_free()
        if self._closing.is_over:
            await trio.lowlevel.checkpoint()
        else:
            await trio.lowlevel.checkpoint_if_cancelled()
        self._require_open()

    @asynccontextmanager
    async def receive_stream(self) -> AsyncIterator[MessageReader]:
        """Receive one message piece by piece; it may be longer than memory should hold.

        `async with ws.receive_stream() as chunks: async for chunk in chunks: ...` gives
        `str` or `bytes`, depending on the message. `Limits.message_bytes` does not apply. When
        the block ends, the rest of the message is read and discarded. If no piece was taken,
        the message stays, and is the next to be received.

        Raises:
            ConnectionClosed: The connection ended before the message did.
            ReceiveBusy: Another task is receiving.

        Backpressure: Reading stops while `Limits.inbox_bytes` are waiting in the inbox.
        Concurrency: One task at a time, and no `receive` meanwhile.
        """
        await trio.lowlevel.checkpoint()  # first: a long message that arrives meanwhile is held, not refused
        async with reading(self._intake, self._require_open) as reader:
            yield reader

    # Sending.

    # Trio calls the argument `value`; nobody passes it by name.
    async def send(self, message: str | bytes) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Queue one message for the peer, waiting while the outbox is full.

        Returning means queued, not delivered; `flush` waits for the wire.

        Args:
            message: `str` becomes a Text message, `bytes` a Binary one (RFC 6455 §5.6).

        Raises:
            ConnectionClosed: A close frame was sent or received, or the peer is gone.
            LocalProtocolError: `message` has another type.

        Cancellation: Atomic; the message is queued whole or not at all.
        Backpressure: Waits while the outbox holds `Limits.outbox_bytes` or
            `Limits.outbox_messages`, until it has drained to half.
        Concurrency: Any number of tasks; messages never interleave.
        """
        intake = self._intake
        intake.calls = calls = intake.calls + 1
        if is_cancelled():
            await trio.lowlevel.checkpoint()
        outlet = self._outlet
        outbox = outlet.outbox
        if outbox.is_sealed:
            self._require_open()
        kind, wire = type(message), outlet.wire
        assert wire is not None  # the outbox is sealed as long as there is none
        try:
            is_usual = kind is str or kind is bytes
            if is_usual and (not wire.must_encode_in_order or outlet.leaves_at_once):
                entry: Entry = wire.encode(message)
            else:
                entry = outlet.encode(message)
        except UnicodeEncodeError as error:
            raise LocalProtocolError(f"the text cannot be sent as UTF-8: {error}") from error
        # The four questions of `outlet.py`.
        if outlet.is_dirty or self._inbox.items or type(entry) is not bytes or not outlet.write_first(entry):
            if not outbox.push_if_fits(entry):
                outlet.flush()
                if not await outbox.push_when_room(entry):
                    raise self._closing.error()
            if not outlet.is_dirty or outbox.held_bytes >= WRITE_BYTES:
                outlet.write()
        if not calls & YIELD_MASK:  # only now: a sender that yielded first could be overtaken
            await trio.lowlevel.cancel_shielded_checkpoint()

    def send_nowait(self, message: str | bytes) -> None:
        """Queue one message if there is room for it.

        Args:
            message: As for `send`.

        Raises:
            OutboxFull: There is no room; nothing was queued.
            ConnectionClosed: As for `send`.
            LocalProtocolError: As for `send`.
        """
        outlet = self._outlet
        outbox = outlet.outbox
        if outbox.is_sealed:
            self._require_open()
        if not outbox.push_if_fits(outlet.encode(message)):
            raise outbox.full()
        outlet.write()

    @asynccontextmanager
    async def send_stream(self, *, text: bool = False) -> AsyncIterator[MessageWriter]:
        """Send one message piece by piece (RFC 6455 §5.4).

        Messages sent meanwhile wait until it is complete, because nothing may come between its
        frames. If an exception leaves the block after a piece was sent, the message can never be
        completed, so the connection is closed with 1011. If that happens, or if the connection is
        closed in another way before the message is complete, the messages waiting after it are
        lost, and `flush` raises in tasks that wait for them.

        Args:
            text: Whether the pieces are `str`, and the message is a Text message.

        Raises:
            ConnectionClosed: As for `send`.

        Concurrency: A second stream waits for the first.
        """
        if self._writer_turn is None:
            self._writer_turn = trio.Lock()
        async with self._writer_turn:
            if self._outlet.is_sealed:
                self._require_open()
            async with written(self._outlet, self._closing, is_text=text) as writer:
                yield writer
        if self._closing.is_over:
            raise self._closing.error()

    async def flush(self) -> None:
        """Wait until everything queued so far has been handed to the network.

        Raises:
            ConnectionClosed: The connection ended before that, or has to end without some of it.

        Cancellation: Changes nothing; queued messages are still sent.
        Concurrency: Any number of tasks.
        """
        await trio.lowlevel.checkpoint()
        self._require_open()
        self._outlet.flush()
        if not await self._outlet.outbox.flushed() or self._closing.state is State.CLOSED:
            raise self._closing.error()

    @property
    def outbox(self) -> OutboxChannel:
        """The sending half as a channel of its own, with its statistics."""
        return OutboxChannel(self, self._outlet.outbox)

    # Messages of one kind.

    async def receive_text(self) -> str:
        """Return the next message, which must be text.

        Raises:
            ConnectionClosed: As for `receive`. A binary message closes the connection with 1003.

        Cancellation: Safe.
        """
        message = await self.receive()
        if not isinstance(message, str):
            raise self._refuse(CloseCode.UNSUPPORTED_DATA, "expected a text message")
        return message

    async def receive_bytes(self) -> bytes:
        """Return the next message, which must be binary.

        Raises:
            ConnectionClosed: As for `receive`. A text message closes the connection with 1003.

        Cancellation: Safe.
        """
        message = await self.receive()
        if not isinstance(message, bytes):
            raise self._refuse(CloseCode.UNSUPPORTED_DATA, "expected a binary message")
        return message

    async def receive_json(self) -> Any:
        """Return the JSON value of the next message: text, or binary that is UTF-8.

        Raises:
            ConnectionClosed: As for `receive`. Anything but JSON closes the connection with 1007.

        Cancellation: Safe.
        """
        message = await self.receive()
        try:
            return read_json(message)
        except ValueError:
            raise self._refuse(CloseCode.INVALID_PAYLOAD, "expected JSON") from None

    async def send_json(self, value: Any) -> None:
        """Queue `value` as JSON in a Text message.

        Raises:
            ConnectionClosed: As for `send`.
            LocalProtocolError: `value` has no JSON form.

        Cancellation: Atomic, as for `send`.
        """
        try:
            text = write_json(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise LocalProtocolError(f"the value has no JSON form: {error}") from error
        await self.send(text)

    def _refuse(self, code: CloseCode, reason: str) -> ConnectionClosed:
        """Close because of a wrong message, and return the exception for the caller to raise."""
        self._intake.refuse(Close(code, reason))
        return self._closing.error()

    # The connection itself.

    async def ping(self) -> float:
        """Send a ping and return the seconds until its pong (RFC 6455 §5.5.2).

        Raises:
            ConnectionClosed: The connection ended before the pong arrived.
            OutboxFull: Too many pings are unanswered.

        Cancellation: Safe; the pong is then ignored.
        Concurrency: Any number of tasks.
        """
        await trio.lowlevel.checkpoint()
        self._require_open()
        started = self._keepalive.ping()
        if started is None:
            raise OutboxFull("64 pings are unanswered: wait for a pong before sending more")
        payload, ping = started
        try:
            await ping.answered.wait()
        finally:
            self._keepalive.forget(payload)
        if ping.seconds is None:
            raise self._closing.error()
        return ping.seconds

    @property
    def latency_seconds(self) -> float | None:
        """The round trip of the last ping; `None` before the first pong."""
        return self._keepalive.latency_seconds

    def traffic(self) -> Traffic:
        """Return the traffic in each direction so far."""
        return traffic_of(self._intake, self._outlet.outbox)

    async def aclose(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Close after the queued messages, and wait until both sides have closed (RFC 6455 §7.1.2).

        Closing twice is harmless; the first close counts.

        Args:
            code: 1000-1003, 1007-1014 or 3000-4999.
            reason: At most 123 bytes of UTF-8.

        Raises:
            LocalProtocolError: The code or the reason cannot be sent.

        Cancellation: The close has begun and continues; only the waiting ends.
        Concurrency: Any number of tasks. Waits at most `Timeouts.close_seconds` for a peer that reads,
            and one second more for a peer that keeps sending; then drops the connection.
        """
        close = checked_close(code, reason)
        if not self._closing.is_over:
            self._require_open()
        self._intake.close(close)
        await self._closing.wait_closed()

    @property
    def closed(self) -> Close | None:
        """The close that ended it; `received_first` says which side closed. `None` while it is open."""
        return self._closing.close

    async def wait_closed(self) -> Close:
        """Wait until the connection has ended completely, and return its close.

        Cancellation: Changes nothing; the connection continues.
        Concurrency: Any number of tasks.
        """
        await self._closing.wait_closed()
        return self._closing.close or Close(CloseCode.ABNORMAL_CLOSURE)

    def _require_open(self) -> None:
        """Accept the handshake if it has not been accepted.

        Raises:
            ConnectionClosed: The connection has ended.
            HandshakeRejected: The handshake was answered with another response.
        """
        handshake, closing = self._handshake, self._closing
        if handshake is not None:
            handshake.check_not_rejected()
            if not closing.is_over:
                self._subprotocol = handshake.accept()
                self._handshake = None
        if closing.is_over:
            raise closing.error()
