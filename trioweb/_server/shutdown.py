"""Shutting down: once begun, it cannot be stopped, and it ends before its deadline."""

from __future__ import annotations

import logging

import trio

from trioweb._server.instruments import Instruments
from trioweb.closing import Close, CloseCode
from trioweb.config import Timeouts

logger = logging.getLogger("trioweb")

# The course of a graceful shutdown:
#
#   1. listeners are closed; the kernel refuses clients that connect now
#   2. idle HTTP connections and unfinished TLS handshakes are closed,
#      requests in flight are answered with "Connection: close", WebSockets get their
#      queued messages and the close frame
#   3. each peer has `Timeouts.close_seconds` to answer, each handler
#      `Timeouts.handler_grace_seconds` to end
#   4. shortly before the deadline, the remaining ones are cancelled and dropped
#   5. the lifespan is left, uncancelled, so that it can close what it opened
#   6. at the deadline the lifespan is cancelled too
#
# So `Timeouts.drain_seconds` covers the whole shutdown, and no other time is added to it.
# The lifespan gets the time that the connections leave: at least a quarter of the whole, or
# `LIFESPAN_SECONDS` if that is less.
#
# Everything runs inside a shield, so that cancelling the server's scope begins at 1 and
# not at 4. The scope of the connections inside it is not shielded, so they end if a task of
# the lifespan fails. Neither scope has a deadline. `keep_time` cancels them, and first logs
# how many connections are left. A handler that shields itself cannot be ended from here: `serve`
# waits for it, and `run` ends the process.

LIFESPAN_SECONDS = 2.0
"""The most time that is reserved for the lifespan if the connections use up theirs."""

ABORT_SECONDS = 0.5
"""How long the lifespan has after an abort, or if the time for the shutdown is shorter than this."""

GOING_AWAY = Close(CloseCode.GOING_AWAY)


class Shutdown:
    """Whether the server is shutting down, how, and until when.

    Attributes:
        shield: The scope around everything, including the lifespan.
        connections: The scope around the sessions.
        finished: Set when the server has ended.
        close: The close code and reason for WebSockets.
        is_serving: Whether there is anything to drain.
        has_drained: Whether only the lifespan is left.
    """

    def __init__(self, timeouts: Timeouts, instruments: Instruments) -> None:
        self._drain_seconds = timeouts.drain_seconds
        self._instruments = instruments
        self._begun = trio.Event()
        self._begun_at = 0.0
        self._until_cut, self._until_end = trio.CancelScope(), trio.CancelScope()
        self.shield = trio.CancelScope(shield=True)
        self.connections = trio.CancelScope()
        self.finished = trio.Event()
        self.close = GOING_AWAY
        self.is_serving = False
        self.has_drained = False

    @property
    def has_begun(self) -> bool:
        """Whether a shutdown has begun, so that nothing new may start."""
        return self._begun.is_set()

    def begin(self, grace_seconds: float | None = None, close: Close = GOING_AWAY) -> None:
        """Begin, or bring the deadline nearer: a later deadline never replaces an earlier one."""
        now = trio.current_time()
        if not self.has_begun:
            self.close = close
            self._begun_at = now
            self._begun.set()
        if self.is_serving:
            self._end_within(self._drain_seconds if grace_seconds is None else grace_seconds, now)
        else:
            self.shield.cancel()

    def abort(self) -> None:
        """End at once: handlers are cancelled, connections dropped."""
        self.begin(0)
        self._cut("an abort")

    def _end_within(self, seconds: float, now: float) -> None:
        ends_at = now + max(seconds, ABORT_SECONDS)
        self._until_end.deadline = min(self._until_end.deadline, ends_at)
        cut_at = now + seconds - min(LIFESPAN_SECONDS, seconds / 4)
        self._until_cut.deadline = min(self._until_cut.deadline, cut_at)

    async def keep_time(self) -> None:
        """Cancel what is left when its time is up. Runs inside the shield."""
        await self._begun.wait()
        with self._until_cut:
            await trio.sleep_forever()
        self._cut()
        with self._until_end:
            await trio.sleep_forever()
        self._end()

    def _cut(self, because: str = "Timeouts.drain_seconds") -> None:
        if not self.has_drained and not self.connections.cancel_called:
            self._warn("dropping the connections that are left, and cancelling their handlers", because)
        self.connections.cancel(reason="the time for the shutdown is over")

    def _end(self) -> None:
        if self.has_drained:
            logger.warning(
                "cancelling the lifespan, which has not ended %.1f s after the shutdown began"
                " (Timeouts.drain_seconds)",
                self._seconds(),
            )
        else:
            self._warn("still waiting for handlers that shield themselves", "Timeouts.drain_seconds")
        self.shield.cancel(reason="the time for the shutdown is over")

    def _warn(self, what: str, because: str) -> None:
        if self._instruments.connections:
            logger.warning(
                "%s, %.1f s after the shutdown began (%s): connections %d, of them WebSockets %d",
                what,
                self._seconds(),
                because,
                self._instruments.connections,
                self._instruments.websockets,
            )

    def _seconds(self) -> float:
        return trio.current_time() - self._begun_at

    async def wait_begun(self) -> None:
        """Wait until a shutdown begins."""
        await self._begun.wait()

    async def begin_when_cancelled(self) -> None:
        """Sleep outside the shield, and turn a cancellation into a graceful shutdown."""
        try:
            await trio.sleep_forever()
        finally:
            self.begin()
