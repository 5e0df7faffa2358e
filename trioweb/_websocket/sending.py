"""The sending half of a WebSocket: messages encoded into an outbox, and written from it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from trioweb._transport.engine import Engine
from trioweb._transport.transport import WRITE_BYTES, Transport
from trioweb._websocket.cancellation import is_cancelled
from trioweb._websocket.closing_handshake import ClosingHandshake
from trioweb._websocket.keepalive import Keepalive
from trioweb._websocket.message_stream import MessageWriter
from trioweb._websocket.outbox import Outbox
from trioweb._websocket.outbox_entry import Entry, Slot
from trioweb._websocket.publication import LateFrame, Publication, plain_message
from trioweb._websocket.receiving import YIELD_MASK, ReceivingHalf
from trioweb._websocket.state import State
from trioweb._websocket.waiting_sender import WaitingSender
from trioweb._wire.websocket import WebSocketWire
from trioweb.closing import Close, CloseCode
from trioweb.config import Limits, Timeouts
from trioweb.errors import LocalProtocolError, OutboxFull
from trioweb.json_text import write_json


class SendingHalf(ReceivingHalf):
    """Queues messages whole, and writes first.

    The first message of a scheduler pass is written at once, without a task. Messages
    that are likely to be followed by more in the same pass are put off to its end, so
    that they leave in one system call. It stands on the receiving half because what
    waits in the inbox tells how likely that is.
    """

    __slots__ = ("_engine", "_is_watching_progress", "_outbox", "_writer_turn", "_written_pass")

    def __init__(
        self,
        transport: Transport,
        closing: ClosingHandshake,
        keepalive: Keepalive,
        engine: Engine,
        outbox: Outbox,
        limits: Limits,
        timeouts: Timeouts,
    ) -> None:
        super().__init__(transport, closing, keepalive, engine.flusher, limits, timeouts)
        self._engine = engine
        self._outbox = outbox
        self._is_watching_progress = False
        self._written_pass = -1
        self._writer_turn: trio.Lock | None = None

    # Trio calls the argument `value`; nobody passes it by name.
    async def send(self, message: str | bytes) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Queue one message for the peer, waiting while the outbox is full.

        Returning means queued, not delivered; `flush` waits for the wire.

        Args:
            message: `str` becomes a Text message, `bytes` a Binary one (RFC 6455 §5.6).

        Raises:
            ConnectionClosed: A close frame was sent or received, or the peer is gone.
            LocalProtocolError: `message` is of another type.

        Cancellation: Atomic; the message is queued whole or not at all.
        Backpressure: Waits while the outbox holds `Limits.outbox_bytes` or
            `Limits.outbox_messages`, until it has drained to half.
        Concurrency: Any number of tasks; messages never interleave.
        """
        self._calls = calls = self._calls + 1
        if is_cancelled():
            await trio.lowlevel.checkpoint()
        outbox = self._outbox
        if outbox.is_sealed:
            self._require_accepted()
        kind, wire = type(message), self._wire
        assert wire is not None  # the outbox is sealed as long as there is none
        try:
            is_usual = kind is str or kind is bytes
            if is_usual and (not wire.must_encode_in_order or self._leaves_at_once):
                entry: Entry = wire.encode(message)
            else:
                entry = self._encode(message)
        except UnicodeEncodeError as error:
            raise LocalProtocolError(f"the text cannot be sent as UTF-8: {error}") from error
        if self._is_dirty or self._inbox.items or type(entry) is not bytes or not self._write_first(entry):
            if not outbox.push_if_fits(entry):
                self._flush()
                if not await outbox.push_when_room(entry):
                    raise self._closing.error()
            if not self._is_dirty or outbox.held_bytes >= WRITE_BYTES:
                self._write()
        if not calls & YIELD_MASK:  # only now: whoever yields first would be passed
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
        if self._outbox.is_sealed:
            self._require_accepted()
        try:
            entry = self._encode(message)
        except UnicodeEncodeError as error:
            raise LocalProtocolError(f"the text cannot be sent as UTF-8: {error}") from error
        if not self._outbox.push_if_fits(entry):
            raise OutboxFull(
                f"the outbox holds {self._outbox.held_bytes} bytes in {self._outbox.messages} messages "
                "(Limits.outbox_bytes, Limits.outbox_messages)"
            )
        self._write()

    async def send_json(self, value: Any) -> None:
        """Queue `value` as a Text message of JSON.

        Raises:
            ConnectionClosed: As for `send`.
            LocalProtocolError: `value` has no JSON form.

        Cancellation: Atomic, as `send`.
        """
        try:
            text = write_json(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise LocalProtocolError(f"the value has no JSON form: {error}") from error
        await self.send(text)

    @asynccontextmanager
    async def send_stream(self, *, text: bool = False) -> AsyncIterator[MessageWriter]:
        """Send one message piece by piece (RFC 6455 §5.4).

        Messages that are sent meanwhile wait until it is whole, since nothing may come between
        its frames. If the block is left by an exception after a piece was sent, the message can
        never be completed, so the connection is closed with 1011. If that happens, or if the
        connection is closed in another way before the message is whole, the messages that wait
        behind it are lost: `flush` raises for whoever waits for them.

        Args:
            text: Whether the pieces are `str` and the message is Text.

        Raises:
            ConnectionClosed: As for `send`.

        Concurrency: A second stream waits for the first.
        """
        if self._writer_turn is None:
            self._writer_turn = trio.Lock()
        async with self._writer_turn:
            if self._outbox.is_sealed:
                self._require_accepted()
            assert self._wire is not None
            self._outbox.begin_stream()
            writer = MessageWriter(
                self._wire, self._outbox, is_text=text, on_push=self._write, error=self._closing.error
            )
            last_frame = None
            try:
                yield writer
                last_frame = writer.last_frame()
            finally:
                writer.end()
                if writer.is_begun and last_frame is None:
                    self._closing.begin(Close(CloseCode.INTERNAL_ERROR, "a message was broken off"))
                self._outbox.end_stream(last_frame)
                self._write()
        if self._closing.is_over:
            raise self._closing.error()

    async def flush(self) -> None:
        """Wait until everything queued so far has been handed to the network.

        Raises:
            ConnectionClosed: The connection ended before that, or has to end without some of it.

        Cancellation: Changes nothing; what is queued is still sent.
        Concurrency: Any number of tasks.
        """
        await trio.lowlevel.checkpoint()
        self._require_accepted()
        self._flush()
        if not await self._outbox.flushed() or self._closing.state is State.CLOSED:
            raise self._closing.error()

    def _encode(self, message: str | bytes) -> Entry:
        """Build the frame of any message.

        Raises:
            LocalProtocolError: It is no message.
            UnicodeEncodeError: It is text that UTF-8 cannot express.
        """
        wire, message = self.wire, plain_message(message)
        if wire.must_encode_in_order:
            return LateFrame(wire, message, len(message if isinstance(message, bytes) else message.encode()))
        return wire.encode(message)

    # For rooms: queuing without waiting, and taking back.

    @property
    def wire(self) -> WebSocketWire:
        """The grammar of the frames; there is none before the handshake is accepted."""
        assert self._wire is not None
        return self._wire

    @property
    def is_sealed(self) -> bool:
        """Whether nothing more can be sent."""
        return self._outbox.is_sealed

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be sent."""
        return not self._outbox.held_bytes

    def offer(self, publication: Publication) -> bool:
        """Queue a shared message if it fits now."""
        wire, outbox = self._wire, self._outbox
        if wire is None or outbox.is_sealed:
            return False
        frame = publication.frames.get(wire.deflate)
        if frame is None:
            entry = publication.entry_for(wire)
        elif type(frame) is bytes and self._write_first(frame):
            return True
        else:
            entry = frame
        if not outbox.push_if_fits(entry):
            return False
        if not self._is_dirty or outbox.held_bytes >= WRITE_BYTES:
            self._write()
        return True

    def offer_slot(self, slot: Slot) -> bool:
        """Queue a message that may be taken back, if there is space for it."""
        if self._outbox.is_sealed or not self._outbox.push_slot(slot):
            return False
        self._write()
        return True

    def may_ever_fit(self, slot: Slot) -> bool:
        """Say whether dropping others can make room for it."""
        return self._outbox.may_ever_fit(slot.held_bytes)

    def take_back(self, slot: Slot) -> None:
        """Remove a message that has not begun to leave."""
        self._outbox.take_back(slot)

    def resize(self, slot: Slot, held_bytes: int) -> None:
        """A queued message has become another in the same place."""
        self._outbox.resize(slot, held_bytes)

    def count_drop(self) -> None:
        """Note in the statistics that a message was not sent."""
        self._outbox.drops += 1

    def may_grow(self, slot: Slot, held_bytes: int) -> bool:
        """Say whether a queued message may become one of so many bytes in its place."""
        return self._outbox.may_grow(held_bytes - slot.held_bytes)

    def line_up(self, slot: Slot) -> WaitingSender:
        """Let a message wait for room, after all that wait already."""
        return self._outbox.line_up(slot)

    def leave_line(self, sender: WaitingSender) -> None:
        """Let a message wait no longer."""
        self._outbox.leave_line(sender)

    # The transport's side, and when to write.

    def output_blocked(self) -> None:
        """The peer takes nothing for now; see to it that this does not last."""
        if not self._is_watching_progress:
            self._is_watching_progress = True
            self._watch_progress()

    def _watch_progress(self) -> None:
        sent_bytes = self._outbox.sent_bytes

        def check() -> None:
            self._is_watching_progress = False
            if not self._outbox.awaits_peer:
                return
            if self._outbox.sent_bytes == sent_bytes:
                self._closing.cut("the peer reads nothing (Timeouts.send_seconds)")
            else:
                self.output_blocked()

        self._closing.call_later(self._timeouts.send_seconds, check)

    @property
    def _leaves_at_once(self) -> bool:
        """Whether a message sent now goes before all others, so that it can be compressed now."""
        outbox = self._outbox
        is_idle = not (outbox.held_bytes or outbox.is_streaming or outbox.waiting)
        is_likely_last = not (self._is_dirty or self._inbox.items)
        return is_idle and is_likely_last and self._written_pass != self._flusher.pass_number

    def _write_first(self, frame: bytes) -> bool:
        """Write a message at once, past the outbox, if it is the first in this pass and none waits."""
        outbox, pass_number = self._outbox, self._flusher.pass_number
        if outbox.held_bytes or self._written_pass == pass_number:
            return False
        if outbox.is_streaming or outbox.waiting:
            return False
        self._written_pass = pass_number
        sent_bytes = self._transport.try_send(frame)
        outbox.sent_bytes += sent_bytes
        if sent_bytes == len(frame):
            outbox.sent_messages += 1
        else:
            outbox.push_rest(frame, sent_bytes)
            self._flush()
        return True

    def _write(self) -> None:
        """Write at once, or put it off when more is likely to follow in this pass."""
        flusher = self._flusher
        is_likely_more = self._inbox.items or self._written_pass == flusher.pass_number
        if is_likely_more and self._outbox.held_bytes < WRITE_BYTES:
            if not self._is_dirty:
                self._is_dirty = True
                flusher.put_off(self._flush_if_dirty)
        else:
            self._written_pass = flusher.pass_number
            self._is_dirty = False
            self._transport.flush()

    def _flush_if_dirty(self) -> None:
        if self._is_dirty:  # nobody has come before
            self._flush()

    def _flush(self) -> None:
        self._is_dirty = False
        self._transport.flush()
