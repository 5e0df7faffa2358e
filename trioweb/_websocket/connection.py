"""A WebSocket as a Trio channel: what a handler sends and receives through."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import trio

from trioweb._transport.engine import Engine
from trioweb._transport.observed_transport import ObservedTransport, WireObserver
from trioweb._transport.transport import Transport
from trioweb._websocket.closing_handshake import ClosingHandshake
from trioweb._websocket.keepalive import Keepalive
from trioweb._websocket.outbox import Outbox
from trioweb._websocket.outbox_channel import OutboxChannel
from trioweb._websocket.sending import SendingHalf
from trioweb._websocket.state import State
from trioweb._websocket.traffic import Traffic
from trioweb._wire.events import Fragment, PeerClosed, Ping, Pong, Signal
from trioweb._wire.frames import encode_close_payload
from trioweb._wire.websocket import WebSocketWire
from trioweb.closing import Close, CloseCode
from trioweb.config import Limits, Timeouts
from trioweb.errors import OutboxFull, checked_close


class WebSocketConnection(  # pyright: ignore[reportIncompatibleMethodOverride] - as `send` says
    SendingHalf, trio.abc.Channel[str | bytes]
):
    """One WebSocket: messages in, messages out, and an end that both sides agree on.

    Any number of tasks may send, ping and close at the same time; one may receive.
    Pings are answered and closes noticed whatever the handler is doing.
    """

    __slots__ = ("__weakref__", "_on_drained")

    def __init__(self, transport: Transport, engine: Engine, *, limits: Limits, timeouts: Timeouts) -> None:
        outbox = Outbox(most_messages=limits.outbox_messages, most_bytes=limits.outbox_bytes)
        closing = ClosingHandshake(transport, outbox, engine.timers, timeouts)
        keepalive = Keepalive(
            engine.timers,
            outbox,
            interval_seconds=timeouts.ping_interval_seconds,
            timeout_seconds=timeouts.ping_timeout_seconds,
            send_ping=self._send_ping,
            cut=closing.cut,
        )
        super().__init__(transport, closing, keepalive, engine, outbox, limits, timeouts)
        self._on_drained: tuple[Callable[[], None], ...] = ()

    @property
    def closed(self) -> Close | None:
        """The close that ended it, `received_first` telling whose; `None` while open."""
        return self._closing.close

    @property
    def has_ended(self) -> bool:
        """Whether nothing more happens: both sides have closed, or one is gone."""
        return self._closing.state is State.CLOSED

    @property
    def outbox(self) -> OutboxChannel:
        """The sending half by itself, with its statistics."""
        return OutboxChannel(self, self._outbox)

    @property
    def latency_seconds(self) -> float | None:
        """The last ping's round trip; `None` before the first pong."""
        return self._keepalive.latency_seconds

    def traffic(self) -> Traffic:
        """Return what went each way so far."""
        outbox = self._outbox
        unfinished_bytes = 0 if self._wire is None else self._wire.unfinished_bytes
        sent = outbox.ledger.totals(outbox.sent_messages, outbox.sent_bytes, is_drained=not outbox.held_bytes)
        return Traffic(
            self.received_messages,
            self.received_bytes - self.received_control_bytes - unfinished_bytes,
            self.received_control_frames,
            self.received_control_bytes,
            *sent,
        )

    def watch_end(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` when no more messages can be sent; at once if that is so already."""
        self._closing.watch(watcher)

    def unwatch_end(self, watcher: Callable[[], None]) -> None:
        """Do not call `watcher` any more."""
        self._closing.unwatch(watcher)

    async def wait_closed(self) -> Close:
        """Wait until the connection has ended altogether, and return how.

        Cancellation: Changes nothing; the connection goes on.
        Concurrency: Any number of tasks.
        """
        await self._closing.wait_closed()
        return self._closing.close or Close(CloseCode.ABNORMAL_CLOSURE)

    async def ping(self) -> float:
        """Send a ping and return the seconds until its pong (RFC 6455 §5.5.2).

        Raises:
            ConnectionClosed: The connection ended before the pong came.
            OutboxFull: Too many pings are unanswered.

        Cancellation: Safe; the pong is then ignored.
        Concurrency: Any number of tasks.
        """
        await trio.lowlevel.checkpoint()
        self._require_accepted()
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

    async def aclose(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Close after what is queued, and wait until both sides have (RFC 6455 §7.1.2).

        Closing twice is harmless; the first close counts.

        Args:
            code: 1000-1003, 1007-1014 or 3000-4999.
            reason: At most 123 bytes of UTF-8.

        Raises:
            LocalProtocolError: The code or the reason cannot be sent.

        Cancellation: The close has begun and takes its course; only the waiting ends.
        Concurrency: Any number of tasks. Waits `Timeouts.close_seconds` at most for a
            peer that reads, and a second more for one that is sending all the while; then
            drops the connection.
        """
        self.start_closing(checked_close(code, reason), is_by_handler=True)
        await self._closing.wait_closed()

    def start_closing(self, close: Close, *, is_by_handler: bool) -> None:
        """Begin to close without waiting; nothing happens if it has begun already.

        Args:
            close: What the close frame says.
            is_by_handler: Whether later calls are the handler's own mistake
                (`AlreadyClosed`) and received messages are of no more use.
        """
        if not self._closing.is_over:
            self._require_accepted()
        if is_by_handler:
            self._closing.is_closed_by_handler = True
            self._inbox.clear()
            self._discard()
        self._is_dirty = False
        self._closing.begin(close)

    def call_when_drained(self, callback: Callable[[], None]) -> None:
        """Call `callback` once, soon after everything that waits has been written."""
        if self.is_idle:
            self._flusher.put_off(callback)
        elif callback not in self._on_drained:
            self._on_drained = (*self._on_drained, callback)

    def call_no_more(self, callback: Callable[[], None]) -> None:
        """Forget what was given to `call_when_drained`."""
        self._on_drained = tuple(other for other in self._on_drained if other != callback)

    # Accepting.

    def require_open(self) -> None:
        """Accept the handshake if that has not been done.

        Raises:
            ConnectionClosed: The connection has ended.
        """
        self._require_accepted()

    def _require_accepted(self) -> None:
        """Accept if that has not been done; raise if the connection has ended."""
        if self._closing.state is State.CONNECTING:
            self._accept_by_itself()
        if self._closing.is_over:
            raise self._closing.error()

    @abstractmethod
    def _accept_by_itself(self) -> None:
        """Answer the handshake on first use."""

    def open(
        self, wire: WebSocketWire, answer: bytes, early_input: bytes, observer: WireObserver | None = None
    ) -> None:
        """Begin: send the handshake's answer, then read.

        Args:
            wire: The frames' grammar as it was negotiated.
            answer: The bytes of the 101 response.
            early_input: Bytes that came together with the handshake.
            observer: Is shown all bytes behind the handshake.
        """
        if observer is not None:
            self._transport = ObservedTransport(self._transport, observer)
            observer.skip_sent(len(answer))
        self._wire = wire
        self._outbox.is_sealed = False
        self._closing.open(wire)
        self._closing.watch(self._ended)
        self._transport.start(self, self._outbox)
        self._keepalive.start()
        sent_bytes = self._transport.try_send(answer)
        self._outbox.push_answer(answer, sent_bytes)
        if sent_bytes < len(answer):
            self._write()
        if early_input:
            if observer is not None:
                observer.received(early_input)
            self.data_received(early_input, trio.current_time())

    # The transport's side; called from the pump or a reader task, never blocking.

    def input_ended(self) -> None:
        """The peer's side has ended."""
        self._closing.input_ended()

    def lost(self) -> None:
        """Nothing can be written any more."""
        if not self._transport.try_close():
            self._transport.abort()
        self._closing.lose()

    def output_drained(self) -> None:
        """Everything queued has been written."""
        self._closing.drained()
        if self._on_drained:
            callbacks, self._on_drained = self._on_drained, ()
            for callback in callbacks:  # in the next pass: the transport is in the midst of writing
                self._flusher.put_off(callback)

    def _handle(self, event: Signal) -> None:
        match event:
            case Ping(payload):
                self._count_control(payload)
                self._answer_ping(payload)
            case Pong(payload):
                self._count_control(payload)
                self._keepalive.pong_received(payload)
            case Fragment():
                self._take_fragment(event)
            case PeerClosed(close):
                self._count_control(encode_close_payload(close))
                self._closing.peer_closed(close)
            case _:
                self._fail_in_turn(event.close)

    def _answer_ping(self, payload: bytes) -> None:
        if self._wire is None or self._outbox.is_sealed:  # nothing follows a close frame (§5.5.1)
            return
        self._outbox.push_pong(self._wire.encode_pong(payload))
        self._write()

    def _send_ping(self, payload: bytes) -> bool:
        assert self._wire is not None
        is_queued = self._outbox.push_control(self._wire.encode_ping(payload))
        self._write()
        return is_queued

    def _ended(self) -> None:
        """No more can be sent: wake whoever waits for anything, and read to the end."""
        self._keepalive.stop()
        self._inbox.wake()
        self._on_drained = ()
        self._read_to_the_close()
