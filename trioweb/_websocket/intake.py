"""The input of a WebSocket: decoded into the inbox, without ever waiting."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import trio

from trioweb._transport.flusher import Flusher
from trioweb._transport.transport import Transport
from trioweb._websocket.closing_handshake import ClosingHandshake
from trioweb._websocket.inbox import Inbox
from trioweb._websocket.keepalive import Keepalive
from trioweb._websocket.state import State
from trioweb._wire.events import Fragment, Signal
from trioweb._wire.frames import CONTROL_HEADER_BYTES
from trioweb._wire.websocket import WebSocketWire
from trioweb.closing import Close
from trioweb.config import Limits, Timeouts

OVERLOOKED_PER_TURN = 256
"""Messages decoded at once when a close was sent, until there is no room for another."""


class Intake(ABC):
    """Decodes what the transport pushes; called from the pump or a reader task, never blocking.

    When the inbox is full it stops decoding, then reading, so the peer's TCP window
    closes; whoever takes messages out starts both again.
    """

    __slots__ = (
        "_closing",
        "_flusher",
        "_inbox",
        "_is_decoding_later",
        "_is_discarding",
        "_is_paused",
        "_is_receiving",
        "_is_skipping",
        "_keepalive",
        "_timeouts",
        "_transport",
        "_violation",
        "_wire",
        "received_bytes",
        "received_control_bytes",
        "received_control_frames",
        "received_messages",
    )

    def __init__(
        self,
        transport: Transport,
        closing: ClosingHandshake,
        keepalive: Keepalive,
        flusher: Flusher,
        limits: Limits,
        timeouts: Timeouts,
    ) -> None:
        self._transport = transport
        self._closing = closing
        self._keepalive = keepalive
        self._flusher = flusher
        self._timeouts = timeouts
        self._wire: WebSocketWire | None = None
        self._inbox = Inbox(most_messages=limits.inbox_messages, most_bytes=limits.inbox_bytes)
        self._is_receiving = False
        self._is_paused = False
        self._is_skipping = False
        self._is_discarding = False
        self._is_decoding_later = False
        self._violation: Close | None = None
        self.received_messages = 0
        self.received_bytes = 0
        self.received_control_frames = 0
        self.received_control_bytes = 0

    @abstractmethod
    def _handle(self, event: Signal) -> None:
        """Deal with a control frame, a violation or a piece of a streamed message."""

    def data_received(self, data: bytes, now: float) -> None:
        """Take a piece of input."""
        self._keepalive.heard_at = now
        self.received_bytes += len(data)
        inbox, wire = self._inbox, self._wire
        assert wire is not None
        fresh: list[str | bytes] = []
        is_done = wire.feed_plain(data, fresh, inbox.most_messages - len(inbox.items))
        if fresh:
            self.received_messages += len(fresh)
            if self._closing.is_over:
                self._closing.overlook(len(data))
                self._keep(fresh)
            elif inbox.put(fresh):
                self._pause()
        if not is_done:
            if self._closing.is_ending:
                self._closing.overlook(len(data))
            self._decode()
        elif inbox.task is not None:
            task, inbox.task = inbox.task, None
            trio.lowlevel.reschedule(task)

    def _decode(self) -> None:
        """Decode what is held, as far as there is room and for as long as is fair."""
        inbox, wire, closing = self._inbox, self._wire, self._closing
        assert wire is not None
        if not self._has_no_room:
            # Who receives gets the first of what is here; a message behind it may wait to be streamed.
            is_awaited = self._is_receiving and not inbox.items
            wire.may_hold = closing.is_ending or not (closing.is_over or is_awaited)
            for event in wire.events(self._most_at_once):
                if isinstance(event, (str, bytes)):
                    self.received_messages += 1
                    self._keep([event])
                else:
                    self._handle(event)
            if wire.is_holding and closing.is_ending:  # a message over the limit
                self._discard()
            if wire.is_pending and not wire.is_holding:
                self._decode_later()
        if self._has_no_room or wire.is_holding:
            self._pause()
        if inbox.items:
            inbox.wake()

    @property
    def _has_no_room(self) -> bool:
        """Whether decoding stops until something is taken out.

        Not while the peer's close frame is awaited: it may stand behind any number of messages.
        """
        return self._inbox.is_full and not self._closing.is_ending

    @property
    def _most_at_once(self) -> int:
        if self._closing.is_ending:
            return OVERLOOKED_PER_TURN
        return max(1, self._inbox.most_messages - len(self._inbox.items))

    def _decode_later(self) -> None:
        """Let others have their turn: go on in another pass, and read nothing until then.

        Each call of the wire is bounded, in frames and in bytes that it inflates to.
        """
        if not self._is_decoding_later:
            self._is_decoding_later = True
            self._keepalive.pause()
            self._transport.pause_reading()
            self._flusher.take_turn(self._decode_on)

    def _decode_on(self) -> None:
        self._is_decoding_later = False
        if self._closing.is_ending:
            self._fail_now()
        if not self._has_no_room:
            self._decode()
        if not self._is_decoding_later and not self._is_paused:
            self._keepalive.resume()
            self._transport.resume_reading()

    def _keep(self, fresh: Sequence[str | bytes | Fragment]) -> None:
        """Keep what was received; while the peer's close frame is awaited, only without a gap.

        Then the first item that finds no room is the last that would have counted.
        """
        for item in fresh:
            if self._inbox.is_full and self._closing.is_ending:
                self._discard()
            if not self._is_discarding:
                self._inbox.put((item,))

    def _discard(self) -> None:
        """Keep nothing more: what comes is not even decoded, up to the peer's close (RFC 6455 §1.4)."""
        self._is_discarding = True
        if self._wire is not None:
            self._wire.overlook()

    def _read_to_the_close(self) -> None:
        """A close was sent or has come: what is held is no longer kept waiting for room.

        The peer's answer may stand behind all of it, and behind all that the kernel holds.
        """
        if not self._closing.is_ending:  # it is lost: only what is here can be received
            return
        self._is_paused = False
        if self._violation is not None or (self._wire is not None and self._wire.is_pending):
            self._decode_later()  # not here, in the midst of what closes
        elif not self._is_decoding_later:
            self._transport.resume_reading()

    def _count_control(self, payload: bytes) -> None:
        self.received_control_frames += 1
        self.received_control_bytes += CONTROL_HEADER_BYTES + len(payload)

    def _fail_in_turn(self, close: Close) -> None:
        """End the connection, but let the handler first answer what came before.

        It may take `Timeouts.close_seconds`; nothing more is read meanwhile.
        """
        if self._inbox.items and self._closing.state is State.OPEN:
            self._violation = close
            self._pause()
            self._closing.call_later(self._timeouts.close_seconds, self._fail_now)
        else:
            self._closing.fail(close)

    def _fail_now(self) -> None:
        close, self._violation = self._violation, None
        if close is not None:
            self._is_paused = False
            self._closing.fail(close)

    def _take_fragment(self, fragment: Fragment) -> None:
        if not self._is_skipping:
            self._keep((fragment,))
        if fragment.is_last:
            self._is_skipping = False
            self.received_messages += 1

    def _skip_rest(self) -> None:
        """Throw away what is left of a message whose reader has gone."""
        items = self._inbox.items
        self._is_skipping = True
        while items and self._is_skipping:
            fragment = self._inbox.take()
            self._is_skipping = isinstance(fragment, Fragment) and not fragment.is_last
        if self._is_paused:
            self._go_on_reading()

    def _pause(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self._keepalive.pause()
            self._transport.pause_reading()

    def _go_on_reading(self) -> None:
        """Decode what is held, then read again, once the inbox has drained to half."""
        if self._is_paused and not self._inbox.is_low:
            return
        was_paused, self._is_paused = self._is_paused, False
        self._decode()
        if was_paused and not self._is_paused and not self._is_decoding_later:
            self._keepalive.resume()
            self._transport.resume_reading()
