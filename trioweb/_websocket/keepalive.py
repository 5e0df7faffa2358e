"""Pings: whether the peer is there, and how far away.

TCP reports a peer that has vanished only when something is written, and then after minutes. So
after an interval of silence a ping is written, and after a second one without any
input the connection is cut.

Input does not set or reset a timer. It only writes `heard_at`, one slot. A timer that runs out reads
it, and starts again for the rest of the interval. So a busy connection pays for a timer once in each
interval, and not for every message.

The verdict is left to `Timers.judge_later`, which lets every task read first. Otherwise a program
that stood still for longer than the timeout would, on waking, cut peers whose pongs had long
been in the kernel.
"""

from __future__ import annotations

import trio

from trioweb._transport.timers import Timer, Timers
from trioweb._websocket.closing_handshake import ClosingHandshake
from trioweb._websocket.outlet import Outlet
from trioweb.config import Timeouts

PINGS_IN_FLIGHT = 64

PING_BYTES = 4

NOT_SINCE_THE_PING = -1.0
"""Written to `heard_at` with the ping. Any input overwrites it, so no separate flag has to record an
answer, and no check is needed when data arrives."""


class PendingPing:
    """One ping that waits for its pong."""

    __slots__ = ("answered", "seconds", "sent_at")

    def __init__(self, sent_at: float) -> None:
        self.sent_at = sent_at
        self.seconds: float | None = None
        self.answered = trio.Event()


class Keepalive:
    """Sends a ping after a silence, and gives up the peer if the silence continues.

    Any byte proves life, not only a pong: a peer that is busy sending is not dead. While this
    side has paused reading, silence proves nothing, so the clock stops. A peer that is still
    reading the data before the ping is not dead either: it cannot answer yet, and if it reads
    nothing, `Timeouts.send_seconds` ends the connection.

    Attributes:
        heard_at: When input came last. The intake writes it with every read.
        latency_seconds: The last round trip of a ping; `None` before the first.
    """

    __slots__ = (
        "_blocked_at_bytes",
        "_closing",
        "_interval",
        "_is_paused",
        "_number",
        "_outlet",
        "_pings",
        "_timeout",
        "_timer",
        "_timers",
        "heard_at",
        "latency_seconds",
    )

    def __init__(self, closing: ClosingHandshake, outlet: Outlet, timers: Timers, timeouts: Timeouts) -> None:
        self._closing = closing
        self._outlet = outlet
        self._timers = timers
        self._blocked_at_bytes: int | None = None
        self._interval = timeouts.ping_interval_seconds
        self._timeout = timeouts.ping_timeout_seconds
        self._timer: Timer | None = None
        self._pings: dict[bytes, PendingPing] = {}
        self._number = 0
        self._is_paused = False
        self.heard_at = 0.0
        self.latency_seconds: float | None = None

    @property
    def silence_seconds(self) -> float:
        """For how long a peer may be silent before it is given up, or pinged again if it never is."""
        return (self._interval or 0) + (self._timeout or 0)

    def start(self) -> None:
        """Begin to watch for silence."""
        self.heard_at = trio.current_time()
        if self._interval is not None:
            self._timer = self._timers.call_at(self.heard_at + self._interval, self._check_silence)

    def stop(self) -> None:
        """End all waiting for pongs: the connection is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._interval = None
        for ping in self._pings.values():
            ping.answered.set()
        self._pings.clear()

    def pause(self) -> None:
        """Reading has stopped: the peer may well be talking."""
        self._is_paused = True

    def resume(self) -> None:
        """Reading has resumed, and the peer's time starts again."""
        self._is_paused = False
        self.heard_at = trio.current_time()

    def ping(self) -> tuple[bytes, PendingPing] | None:
        """Send a ping; `None` if too many are unanswered, or the outbox has no room."""
        # A counter is enough to match pongs with pings. Unlike a time, it tells the peer nothing about
        # this machine.
        payload = self._number.to_bytes(PING_BYTES, "big")
        if len(self._pings) >= PINGS_IN_FLIGHT or not self._outlet.send_ping(payload):
            return None
        self._number = (self._number + 1) & 0xFFFF_FFFF
        ping = self._pings[payload] = PendingPing(trio.current_time())
        return payload, ping

    def forget(self, payload: bytes) -> None:
        """Forget a ping after the task that waited for its pong has left."""
        self._pings.pop(payload, None)

    def pong_received(self, payload: bytes) -> None:
        """Match a pong with its ping. It answers earlier pings as well (RFC 6455 §5.5.3)."""
        if payload not in self._pings:  # unsolicited: a heartbeat, which expects no response (§5.5.3)
            return
        now = trio.current_time()
        self.latency_seconds = now - self._pings[payload].sent_at
        # A peer may answer only the latest of several pings. A dict keeps its keys in order, so
        # everything up to this one is answered.
        numbers = list(self._pings)
        for number in numbers[: numbers.index(payload) + 1]:
            ping = self._pings.pop(number)
            ping.seconds = now - ping.sent_at
            ping.answered.set()
        if self._timer is not None:
            self._timer.stop_awaiting()

    def _check_silence(self) -> None:
        assert self._interval is not None
        now = trio.current_time()
        silent_at = self.heard_at + self._interval
        if self._is_paused:
            self._timer = self._timers.call_at(now + self._interval, self._check_silence)
            # The answer could not be read. But if the peer is gone, the ping leads to a reset,
            # without which a connection that nobody reads would stay for ever.
            self._outlet.send_ping(b"")
        elif now < silent_at:
            self._timer = self._timers.call_at(silent_at, self._check_silence)
        else:
            self._ping_the_silent(now)

    def _ping_the_silent(self, now: float) -> None:
        assert self._interval is not None
        if self._timeout is None:
            self._timer = self._timers.call_at(now + self._interval, self._check_silence)
        else:
            self.heard_at = NOT_SINCE_THE_PING
            # If the timeout is the longer one, the next ping of a peer that answers must not wait for its end.
            look_at = now + min(self._timeout, self._interval)
            self._timer = self._timers.call_at(look_at, self._check_answer, is_awaiting=True)
        self.ping()  # writing may find the peer gone, and then all this is stopped
        self._note_block()

    def _note_block(self) -> None:
        """Record how much has left, if other data keeps the ping from leaving."""
        # If the outbox holds more than the ping itself, the ping has not left, and a peer cannot answer a
        # ping that was not sent.
        outbox = self._outlet.outbox
        is_blocked = outbox.held_bytes and outbox.held_bytes > self._outlet.ping_frame_bytes(PING_BYTES)
        self._blocked_at_bytes = outbox.sent_bytes if is_blocked else None

    @property
    def _is_taking(self) -> bool:
        return self._blocked_at_bytes is not None and self._outlet.outbox.sent_bytes > self._blocked_at_bytes

    def _check_answer(self) -> None:
        assert self._interval is not None
        assert self._timeout is not None
        if self._is_paused:
            self.heard_at = trio.current_time()
        if self.heard_at != NOT_SINCE_THE_PING:
            self._check_silence()
        else:
            # `judge_later` lets every task read first. Few timers get this far, so the others do without it.
            self._timer = self._timers.judge_later(max(0.0, self._timeout - self._interval), self._judge)

    def _judge(self) -> None:
        if self._is_paused or self.heard_at != NOT_SINCE_THE_PING:
            self._check_answer()
        elif self._is_taking and self._timeout is not None:
            self._note_block()
            self._timer = self._timers.judge_later(self._timeout, self._judge)
        else:
            self._closing.cut(f"no answer to a ping in {self._timeout} s (Timeouts.ping_timeout_seconds)")
