"""The decoder of a WebSocket: input becomes messages in the inbox, as far as there is room.

The pump calls this for every socket in turn, so a single call that waited would stop all
connections, and one that took long would delay them. Work that cannot be done now is recorded
in a flag, and a later event continues it:

| flag | set when | means | ends when |
|---|---|---|---|
| `is_paused` | the inbox is full, or a violation waits | nothing is decoded or read | the inbox is half empty |
| `wire.is_holding` | a message is longer than `Limits.message_bytes` | it may be wanted in pieces | the next receive decides |
| `_is_decoding_later` | one call has decoded enough | a turn of the flusher is due | that turn comes |
| `_is_discarding_rest` | a reader left a message in the middle | its other pieces are discarded | its last piece arrives |
| `_is_discarding` | the handler closed, or there is a gap | only the peer's close counts | never |
| `_violation` | the peer broke a rule after valid messages | those are handed out first | the inbox is empty, or time is up |
| `is_receiving` | a task is in `receive` or in a stream's block | a second one is refused | it leaves |

They are independent except for three rules. Reading is on only while `is_paused` and
`_is_decoding_later` are both off, and the clock of the keepalive runs only then: a peer cannot
show that it is alive to a side that does not read. While the closing handshake is under way no
inbox counts as full, since the peer's close frame may come after any number of messages. Instead,
the first message without room sets `_is_discarding`, so that the handler gets everything up to
the gap and nothing after it. And `_is_discarding` is final, because messages after a gap could be
misunderstood.

A pause ends when the inbox is half empty, not at the first free place. Each pause and each
resumption is a system call, and a full inbox would otherwise cause both for every message.
"""

from __future__ import annotations

from collections.abc import Sequence

from trioweb._transport.flusher import Flusher
from trioweb._transport.transport import Transport
from trioweb._websocket.closing_handshake import ClosingHandshake
from trioweb._websocket.inbox import Inbox
from trioweb._websocket.keepalive import Keepalive
from trioweb._websocket.outlet import Outlet
from trioweb._websocket.state import State
from trioweb._wire.events import Fragment, PeerClosed, Ping, Pong, Signal
from trioweb._wire.frames import encode_close_payload
from trioweb._wire.websocket import WebSocketWire
from trioweb.closing import Close

LATE_MESSAGES_PER_TURN = 256
"""Messages decoded in one turn once a close was sent or received. The inbox sets no bound then."""


class Decoder:
    """Decodes what the wire holds; called from the pump, from the flusher, or by the task that receives.

    When the inbox is full, decoding stops, then reading, so the peer's TCP window closes. Taking
    messages out starts both again. The methods that the transport and the handler call are in
    `Intake`, a subclass.

    Attributes:
        wire: The grammar of the frames; `None` before the handshake is accepted.
        is_receiving: Whether a task receives.
        is_paused: Whether the inbox has to be emptied first.
        calls: How often the handler has received or sent since it last waited; see `YIELD_MASK`.
    """

    __slots__ = (
        "_close_seconds",
        "_closing",
        "_flusher",
        "_inbox",
        "_is_decoding_later",
        "_is_discarding",
        "_is_discarding_rest",
        "_keepalive",
        "_message_bytes",
        "_outlet",
        "_transport",
        "_violation",
        "calls",
        "is_paused",
        "is_receiving",
        "received_bytes",
        "received_control_bytes",
        "received_control_frames",
        "received_messages",
        "wire",
    )

    def __init__(
        self,
        inbox: Inbox,
        outlet: Outlet,
        closing: ClosingHandshake,
        keepalive: Keepalive,
        flusher: Flusher,
        *,
        close_seconds: float,
        message_bytes: int,
    ) -> None:
        self._inbox = inbox
        self._outlet = outlet
        self._closing = closing
        self._keepalive = keepalive
        self._flusher = flusher
        self._close_seconds = close_seconds
        self._message_bytes = message_bytes
        self._transport: Transport | None = None
        self.calls = 0
        self.wire: WebSocketWire | None = None
        self.is_receiving = False
        self.is_paused = False
        self._is_discarding_rest = False
        self._is_discarding = False
        self._is_decoding_later = False
        self._violation: Close | None = None
        self.received_messages: int = 0
        self.received_bytes: int = 0
        self.received_control_frames = 0
        self.received_control_bytes = 0

    def _decode(self) -> None:
        """Decode the held input, as far as there is room and for as long as is fair."""
        inbox, wire, closing = self._inbox, self.wire, self._closing
        assert wire is not None
        if not self._has_no_room:
            # The receiver gets the first message here; a message after it may wait to be streamed.
            is_awaited = self.is_receiving and not inbox.items
            wire.may_hold = closing.is_closing or not (closing.is_over or is_awaited)
            for event in wire.events(self._most_at_once):
                if isinstance(event, (str, bytes)):
                    self.received_messages += 1
                    self._keep([event])
                else:
                    self._handle(event)
            if wire.is_holding and closing.is_closing:  # a message over the limit
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

        Not while the peer's close frame is awaited: any number of messages may come before it.
        """
        return self._inbox.is_full and not self._closing.is_closing

    @property
    def _most_at_once(self) -> int:
        if self._closing.is_closing:
            return LATE_MESSAGES_PER_TURN
        return max(1, self._inbox.most_messages - len(self._inbox.items))

    def _decode_later(self) -> None:
        """Continue in a later pass, so that other connections get their turn; read nothing until then.

        Each call of the wire is bounded, both in frames and in the bytes that they inflate to.
        """
        if not self._is_decoding_later:
            self._is_decoding_later = True
            self._stop_reading()
            self._flusher.take_turn(self._decode_on)

    def _decode_on(self) -> None:
        self._is_decoding_later = False
        if self._closing.is_closing:
            self._fail_now()
        if not self._has_no_room:
            self._decode()
        if not self._is_decoding_later and not self.is_paused:
            self._start_reading()

    def _keep(self, fresh: Sequence[str | bytes | Fragment]) -> None:
        """Put received messages into the inbox.

        While the peer's close frame is awaited, the first message without room begins a gap. It and
        all later ones are discarded.
        """
        for item in fresh:
            if self._inbox.is_full and self._closing.is_closing:
                self._discard()
            if not self._is_discarding:
                self._inbox.put((item,))

    def _discard(self) -> None:
        """Keep no more messages: input is not even decoded, up to the peer's close (RFC 6455 §1.4)."""
        self._is_discarding = True
        if self.wire is not None:
            self.wire.skip_messages()

    def _end(self) -> None:
        """React to the end of sending: wake the receiving task, and read to the peer's close.

        If a close was sent or received, held input no longer waits for room in the inbox: the peer's
        close frame may come after all of it, and after everything that the kernel holds.
        """
        self._keepalive.stop()
        self._inbox.wake()
        if not self._closing.is_closing:  # it is lost: only messages that have arrived can be received
            return
        self.is_paused = False
        if self._violation is not None or (self.wire is not None and self.wire.is_pending):
            self._decode_later()  # not here, in the middle of closing
        elif not self._is_decoding_later:
            self._start_reading()

    def _handle(self, event: Signal) -> None:
        """Handle a control frame, a violation or a piece of a streamed message."""
        match event:
            case Ping(payload):
                self._count_control(payload)
                self._outlet.send_pong(payload)
            case Pong(payload):
                self._count_control(payload)
                self._keepalive.pong_received(payload)
            case Fragment():
                self._take_fragment(event)
            case PeerClosed(close):
                self._count_control(encode_close_payload(close))
                assert self.wire is not None
                self._closing.peer_closed(close, is_followed=self.wire.has_leftover)
            case _:
                self._fail_in_turn(event.close)

    def _count_control(self, payload: bytes) -> None:
        assert self.wire is not None
        self.received_control_frames += 1
        self.received_control_bytes += self.wire.control_header_bytes + len(payload)

    def _fail_in_turn(self, close: Close) -> None:
        """End the connection, but let the handler answer earlier messages first.

        The handler has `Timeouts.close_seconds` for that. Nothing is read meanwhile.
        """
        # Only in OPEN: after a close was sent, the handler's answers could not be sent any more.
        if self._inbox.items and self._closing.state is State.OPEN:
            self._violation = close
            self._pause()
            self._closing.call_later(self._close_seconds, self._fail_now)
        else:
            self._closing.fail(close)

    def _fail_now(self) -> None:
        close, self._violation = self._violation, None
        if close is not None:
            self.is_paused = False
            self._closing.fail(close)

    def _take_fragment(self, fragment: Fragment) -> None:
        if not self._is_discarding_rest:
            self._keep((fragment,))
        if fragment.is_last:
            self._is_discarding_rest = False
            self.received_messages += 1

    def _pause(self) -> None:
        if not self.is_paused:
            self.is_paused = True
            self._stop_reading()

    def go_on_reading(self) -> None:
        """Decode the held input, and then resume reading, once the inbox has drained to half."""
        if self.is_paused and not self._inbox.is_low:
            return
        # Decoded first: input held by the wire comes before input held by the kernel. It may also
        # fill the inbox again, and then reading need not resume.
        was_paused, self.is_paused = self.is_paused, False
        self._decode()
        if was_paused and not self.is_paused and not self._is_decoding_later:
            self._start_reading()

    # Reading and the keepalive's clock go together: a peer cannot show that it is alive to a side
    # that does not read.

    def _stop_reading(self) -> None:
        assert self._transport is not None  # nothing is decoded before the handshake is accepted
        self._keepalive.pause()
        self._transport.pause_reading()

    def _start_reading(self) -> None:
        if self._transport is not None:
            self._keepalive.resume()
            self._transport.resume_reading()
