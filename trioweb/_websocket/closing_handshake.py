"""The closing handshake: which side closed first, and what is still awaited.

`state.py` has the theory and the table. Each method here is one event: it asks the table for
the step, does nothing if there is none, and otherwise does what belongs to that step. So no
method checks for a state that the table covers already, and a second close, a close that
crosses another one, and input after the end need no code of their own.

*Lingering* is reading on after the end of our output, for a bounded time and a bounded number of
bytes. If TCP were closed at once where the peer may still be sending, the kernel would answer the
next bytes with a reset, and a reset deletes what the peer has not read yet, our close frame among
it. `drained` and `_give_up` choose between that and closing, because only they know what the
peer has sent.

One thing is not in the table, because it depends on bytes and not on events. A deadline that runs
out is extended if the peer is slow but still takes something, since cutting the connection would
lose messages that are on their way.

A close continues without a task. The alternative was a task for each close, which waits for the
peer and for the deadlines. It would cost an idle connection nothing either. But it would have to
live in a nursery that outlives the handler, and only a shield could protect it from cancellation.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import trio

from trioweb._transport.timers import Timer, Timers
from trioweb._websocket.outlet import Outlet
from trioweb._websocket.state import CLOSING, TRANSITIONS, Event, State
from trioweb.closing import Close
from trioweb.config import Timeouts
from trioweb.errors import AlreadyClosed, ConnectionClosed, connection_closed

logger = logging.getLogger("trioweb")

LATE_INPUT_SECONDS = 1.0
"""How long to keep reading from a peer that may still be sending, if the connection cannot be half-closed
or the peer's time is already over. The peer then finds our close frame and not a reset."""

LATE_INPUT_BYTES = 64 * 1024 * 1024
"""How much to read from such a peer: several times the data that systems buffer between the two sides."""

TOO_LONG = "the closing handshake took too long (Timeouts.close_seconds)"


class ClosingHandshake:
    """Moves a connection through the states of `state.py` and keeps its deadlines.

    Every method but `wait_closed` is synchronous: once either side has begun a close, it continues
    without a task.

    Attributes:
        state: How far the connection has come.
        is_over: Whether no more messages can be sent. This and `is_closing` follow from `state`,
            and are stored because every received message reads them.
        is_closing: Whether a close was sent or received, and TCP is still there (`CLOSING`).
        sent: The content of our close frame; `None` before there is one.
        received: The content of the peer's close frame; `None` before there is one.
        received_first: Whether the peer's close frame came first; `None` if there was none from either.
        is_closed_by_handler: Whether the handler closed it, so that later calls by the handler
            are its own mistake (`AlreadyClosed`).
        is_peer_talking: Whether input came after one side had sent its close frame.
        closes_at_latest: When a slow peer gets no more time.
    """

    __slots__ = (
        "_closed",
        "_late_bytes_left",
        "_outlet",
        "_pending",
        "_progress_bytes",
        "_timeouts",
        "_timer",
        "_timers",
        "_watchers",
        "closes_at_latest",
        "is_closed_by_handler",
        "is_closing",
        "is_over",
        "is_peer_talking",
        "received",
        "received_first",
        "sent",
        "state",
    )

    def __init__(self, outlet: Outlet, timers: Timers, timeouts: Timeouts) -> None:
        self._outlet = outlet
        self._timers = timers
        self._timeouts = timeouts
        self._timer: Timer | None = None
        self._pending: Timer | None = None
        self._progress_bytes = 0
        self._late_bytes_left = LATE_INPUT_BYTES
        self._watchers: tuple[Callable[[], None], ...] = ()
        self.state = State.CONNECTING
        self.is_over = False
        self.is_closing = False
        self.sent: Close | None = None
        self.received: Close | None = None
        self.received_first: bool | None = None
        self.is_closed_by_handler = False
        self.is_peer_talking = False
        self.closes_at_latest = 0.0
        self._closed: trio.Event | None = None

    @property
    def close(self) -> Close | None:
        """The close that ended it, with the side that closed first; `None` while it is open."""
        if not self.is_over:
            return None
        code, reason = connection_closed(self.sent, self.received, self.received_first).close
        return Close(int(code), str(reason), received_first=self.received_first)

    def error(self) -> ConnectionClosed:
        """Return the exception for a call on the ended connection."""
        if self.is_closed_by_handler:
            return AlreadyClosed(self.sent, self.received, self.received_first)
        return connection_closed(self.sent, self.received, self.received_first)

    async def wait_closed(self) -> None:
        """Wait until the connection is closed completely."""
        if self.state is State.CLOSED:
            await trio.lowlevel.checkpoint()
            return
        if self._closed is None:
            self._closed = trio.Event()
        await self._closed.wait()

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` when no more messages can be sent; immediately if that is already so."""
        if self.is_over:
            watcher()
        else:
            self._watchers = (*self._watchers, watcher)

    def unwatch(self, watcher: Callable[[], None]) -> None:
        """Stop calling `watcher`."""
        self._watchers = tuple(other for other in self._watchers if other != watcher)

    # The events. The table decides whether they count: a step that it does not have is ignored.

    def open(self) -> None:
        """The handshake has been answered with 101."""
        self._move(Event.ACCEPT)

    def begin(self, close: Close) -> None:
        """Send our close frame after the queued messages, then wait for the peer's (§7.1.2)."""
        if not self._move(Event.SEND_CLOSE):
            return
        self.sent, self.received_first = close, False
        self._outlet.seal(close, is_urgent=False)
        self._tell_watchers()
        self._start_timer()
        self._outlet.flush()

    def peer_closed(self, close: Close, *, is_followed: bool) -> None:
        """Answer the peer's close frame, or take it as the answer to ours (§5.5.1).

        Args:
            close: The content of its frame.
            is_followed: Whether input came after it, which §5.5.1 forbids.
        """
        if not self._move(Event.RECEIVE_CLOSE):
            return
        self.received = close
        self.is_peer_talking = is_followed
        if self.sent is None:
            # §5.5.1: the answer usually echoes the code. It is urgent, since a peer that has sent
            # its close frame wants no more messages, and may close TCP before it reads them.
            self.sent, self.received_first = close, True
            self._outlet.seal(close, is_urgent=True)
        elif self._outlet.outbox.messages:  # our close frame has not left yet
            self._outlet.seal(self.sent, is_urgent=True)
        self._end_output()

    def fail(self, close: Close) -> None:
        """The peer broke the protocol: send the close code, and wait for nothing (§7.1.7)."""
        if not self._move(Event.FAIL):
            return
        logger.info("a peer is told %s", close)
        if self.sent is None:
            # Not urgent: messages that were queued before the peer's mistake are still good, and
            # the close frame says that none comes after them.
            self.sent, self.received_first = close, False
            self._outlet.seal(close, is_urgent=False)
        self._end_output()

    def drained(self) -> None:
        """All output has been written: close TCP first, unless the peer may be sending still (§7.1.1)."""
        # A transport reports this after every write, so usually it ends nothing.
        if self.state is State.LINGERING:
            self._outlet.transport.end_output()  # again: close_notify of TLS is written, so FIN can follow
        elif self._may(Event.DRAIN):
            has_peer_finished = self.received is not None and not self.is_peer_talking
            if not (has_peer_finished and self._end_tcp()):
                self._linger()

    def _end_tcp(self) -> bool:
        """Close TCP, as the server does first; `False` if input that nobody has read forbids it."""
        return self._outlet.transport.try_close() and self._move(Event.DRAIN)

    def _linger(self, *, is_late: bool = False) -> None:
        """End our side, and read on: input that reached a closed socket would reset it."""
        is_half_closed = self._outlet.transport.end_output()
        if self._move(Event.LINGER) and (is_late or not is_half_closed):
            self._set_timer(min(LATE_INPUT_SECONDS, self._timeouts.close_seconds))

    def late_input_received(self, late_bytes: int) -> None:
        """Count input that came after a close was sent; it is limited once our side has ended."""
        self.is_peer_talking = True
        if self.state is State.LINGERING:
            self._late_bytes_left -= late_bytes
            if self._late_bytes_left < 0:
                self.cut("the peer goes on sending after the end")

    def input_ended(self) -> None:
        """The peer's side of TCP has ended; our answer to its close may still be on its way."""
        if self.state is not State.ENDING:
            self._outlet.transport.try_close()
            self.lose()

    def reject(self) -> None:
        """The handshake was answered with another response, or will be: there is no WebSocket."""
        if self._move(Event.REJECT):
            self._tell_watchers()

    def lose(self) -> None:
        """TCP has been lost, or given up."""
        self._outlet.outbox.discard()
        self._move(Event.LOSE)
        self._tell_watchers()

    def cut(self, because: str) -> None:
        """Give up the peer: it does not answer, or does not read."""
        logger.info("connection cut: %s", because)
        self._outlet.transport.abort()
        self.lose()

    def _end_output(self) -> None:
        self._tell_watchers()
        if self._outlet.outbox.held_bytes:
            self._outlet.flush()
        else:
            self.drained()
        if self.is_closing:
            self._start_timer()

    def _may(self, event: Event) -> bool:
        return (self.state, event) in TRANSITIONS

    def _move(self, event: Event) -> bool:
        """Take the step that the table has for `event`; `False` if it has none."""
        if not self._may(event):
            return False
        self.state = state = TRANSITIONS[self.state, event]
        self.is_over = state is not State.OPEN
        self.is_closing = state in CLOSING
        if state is State.CLOSED:
            self._let_go()
        return True

    def _tell_watchers(self) -> None:
        """Notify all watchers, once, that no more messages can be sent. `close` is set before that."""
        # The list is emptied first: a watcher may cause the next step, and must not be called twice. It
        # also breaks a cycle, because the watchers refer to objects that lead back here.
        watchers, self._watchers = self._watchers, ()
        for watcher in watchers:
            watcher()

    def _let_go(self) -> None:
        """Stop all deadlines, and break all reference cycles: the connection is closed."""
        for timer in (self._timer, self._pending):
            if timer is not None:
                timer.cancel()
        self._outlet.close()
        if self._closed is not None:
            self._closed.set()

    # Deadlines.

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call `callback` in `seconds`, unless the connection is closed by then; one call at a time."""
        if self.state is not State.CLOSED:
            self._pending = self._timers.judge_later(seconds, callback)

    def _start_timer(self) -> None:
        if self._timer is None:
            seconds = self._timeouts.send_seconds + self._timeouts.close_seconds
            self.closes_at_latest = self._timers.now() + seconds
            self._set_timer(self._timeouts.close_seconds)

    def _set_timer(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        # Remembered, so that a slow peer can be distinguished from one that takes nothing.
        self._progress_bytes = self._outlet.outbox.sent_bytes
        self._timer = self._timers.judge_later(seconds, self._give_up)

    def _give_up(self) -> None:
        """Cut the connection, unless the peer is still taking queued messages, however slowly."""
        outbox, transport = self._outlet.outbox, self._outlet.transport
        is_moving = outbox.held_bytes and outbox.sent_bytes > self._progress_bytes
        if is_moving and self._timers.now() < self.closes_at_latest:
            self._set_timer(self._timeouts.close_seconds)
        elif outbox.held_bytes:
            self.cut(TOO_LONG)
        # All is written, but the peer has not answered and is still sending. Closing TCP now would
        # reset it before it reads our close frame, so it gets the time to read that far.
        elif self.is_peer_talking and self.state is not State.LINGERING:
            self._linger(is_late=True)
        elif transport.try_close():
            logger.info("connection closed: %s", TOO_LONG)
            self.lose()
        else:
            self.cut(TOO_LONG)
