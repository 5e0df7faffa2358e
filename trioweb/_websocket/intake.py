"""The intake of a WebSocket: takes input from the transport, and hands messages to the handler.

Between the two are the decoder, which this class inherits, and the inbox. The methods here decode
nothing themselves. They report to the decoder that there is input or room, and `decoder.py` explains
what happens then.

A task that waits for a message waits in this class. So three files are enough to follow `receive`:
the connection, this one and the inbox.
"""

from __future__ import annotations

from typing import Any

import trio

from trioweb._transport.transport import Transport
from trioweb._websocket.decoder import Decoder
from trioweb._websocket.inbox import Item
from trioweb._wire.events import Fragment
from trioweb._wire.websocket import WebSocketWire
from trioweb.closing import Close, CloseCode
from trioweb.errors import ReceiveBusy


class Intake(Decoder):
    """Takes what the transport reports, never blocking, and hands out what has been received."""

    __slots__ = ()

    def open(self, wire: WebSocketWire, transport: Transport) -> None:
        """Use this wire to decode all input from now on."""
        self.wire = wire
        self._transport = transport
        self._closing.watch(self._end)

    # The transport's side; called from the pump or a reader task.

    def data_received(self, data: bytes, now: float) -> None:
        """Take a piece of input."""
        self._keepalive.heard_at = now
        self.received_bytes += len(data)
        inbox, wire = self._inbox, self.wire
        assert wire is not None
        fresh: list[str | bytes] = []
        is_done = wire.feed_plain(data, fresh, inbox.most_messages - len(inbox.items))
        if fresh:  # the usual case: whole plain frames, and an open connection
            self.received_messages += len(fresh)
            if self._closing.is_over:
                self._closing.late_input_received(len(data))
                self._keep(fresh)
            elif inbox.put(fresh):
                self._pause()
        if not is_done:
            if self._closing.is_closing:
                self._closing.late_input_received(len(data))
            self._decode()
        elif inbox.task is not None:
            task, inbox.task = inbox.task, None
            trio.lowlevel.reschedule(task)

    def input_ended(self) -> None:
        """The peer's side has ended."""
        self._closing.input_ended()

    def lost(self) -> None:
        """Nothing can be written any more."""
        transport = self._transport
        assert transport is not None  # it reports this, so it has been started
        if not transport.try_close():
            transport.abort()
        self._closing.lose()

    # Taking out: for the task that receives.

    def check_free(self) -> None:
        """Let one task receive at a time.

        Raises:
            ReceiveBusy: Another task is already receiving.
        """
        if self.is_receiving:
            raise ReceiveBusy("another task is receiving from this WebSocket: one may at a time")

    @property
    def has_received(self) -> bool:
        """Whether a message, or a piece of one, waits in the inbox."""
        return bool(self._inbox.items)

    def take_message(self) -> str | bytes | None:
        """Take a message if a whole one is here. `Inbox.take` is inlined, to save a call for each message."""
        if self.is_receiving:
            self.check_free()
        inbox = self._inbox
        if not inbox.items or type(inbox.items[-1]) is Fragment:
            return None
        item = inbox.items.pop()
        inbox.held_bytes -= item.__sizeof__()
        if self.is_paused:
            self.go_on_reading()
        return item  # type: ignore[return-value]  # it is not a Fragment, as was looked up above

    async def receive_message(self) -> str | bytes:
        """Wait for the next message.

        If it was decoded in pieces, for a reader that has left before the first, it is put
        together here and is subject to `Limits.message_bytes` like any other.

        Raises:
            ConnectionClosed: Nothing more will come.
            ReceiveBusy: Another task is receiving.
        """
        self.check_free()
        self.is_receiving = True
        try:
            if self._closing.is_over:  # there may be nothing to wait for
                await trio.lowlevel.checkpoint()
            inbox = self._inbox
            # The loop of `receive_item`, since a coroutine in between costs each message 3 %.
            while not inbox.items:
                self._prepare_to_wait()
                if not inbox.items:
                    inbox.task = trio.lowlevel.current_task()
                    await trio.lowlevel.wait_task_rescheduled(inbox.forget_task)
                    self.calls = 0  # others have run
            item = inbox.take()
            if type(item) is Fragment:
                item = await self._assembled(item)
        finally:
            self.is_receiving = False
        if self.is_paused:
            self.go_on_reading()
        return item  # type: ignore[return-value]  # it is not a Fragment any more

    async def receive_item(self) -> Item:
        """Wait for the next message or piece, for the task that has set `is_receiving`.

        Raises:
            ConnectionClosed: Nothing more will come.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        inbox = self._inbox
        while not inbox.items:
            self._prepare_to_wait()
            if not inbox.items:
                inbox.task = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(inbox.forget_task)
        item = inbox.take()
        if self.is_paused:
            self.go_on_reading()
        return item

    async def _assembled(self, fragment: Fragment) -> str | bytes:
        """Receive the rest of a message, and join it. On cancellation everything is put back."""
        parts: list[Any] = [fragment.data]
        try:
            while not fragment.is_last or sum(map(len, parts)) > self._message_bytes:
                if sum(map(len, parts)) > self._message_bytes:
                    self.refuse(Close(CloseCode.MESSAGE_TOO_BIG, "a message over Limits.message_bytes"))
                following = await self.receive_item()
                assert isinstance(following, Fragment)
                fragment = following
                parts.append(fragment.data)
        except BaseException:
            self._inbox.put_back(Fragment(parts[0][:0].join(parts), is_last=False))
            raise
        return parts[0][:0].join(parts)  # type: ignore[no-any-return]

    def _prepare_to_wait(self) -> None:
        """Do what must be done before a task waits with an empty inbox, which may fill it.

        Raises:
            ConnectionClosed: Nothing more will come.
        """
        if self.is_paused:
            self.go_on_reading()
        if self._inbox.items:
            return
        if self._outlet.is_dirty:
            self._outlet.flush()  # this may find that the peer is gone, and bring its last messages
        if self._violation is not None and not self._inbox.items:
            self._fail_now()
        if self._closing.is_over and not self._inbox.items:
            raise self._closing.error()

    def close(self, close: Close) -> None:
        """Begin to close for the handler, which wants no more messages: those here are discarded."""
        self._closing.is_closed_by_handler = True
        self._discard_all()
        self._closing.begin(close)

    def refuse(self, close: Close) -> None:
        """Begin to close because of what was received."""
        self._closing.begin(close)
        self._discard_all()  # later messages would follow a gap

    def _discard_all(self) -> None:
        self._inbox.clear()
        self._discard()

    # Messages in pieces.

    def start_streaming(self) -> None:
        """Hand out the next message in pieces, unless it is here whole."""
        if not self._inbox.items and self.wire is not None:
            self.wire.start_streaming()
            self.go_on_reading()

    def stop_streaming(self) -> None:
        """Hand out the next message as a whole after all, because no piece of it was taken."""
        if self.wire is not None:
            self.wire.stop_streaming()

    def discard_rest(self) -> None:
        """Discard the rest of a message whose reader has gone."""
        items = self._inbox.items
        self._is_discarding_rest = True
        while items and self._is_discarding_rest:
            fragment = self._inbox.take()
            self._is_discarding_rest = isinstance(fragment, Fragment) and not fragment.is_last
        if self.is_paused:
            self.go_on_reading()
