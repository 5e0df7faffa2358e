"""Shutting down: once begun it takes its course, and ends before its deadline."""

from __future__ import annotations

import trio

from trioweb.closing import Close, CloseCode
from trioweb.config import Timeouts

# The course of a graceful shutdown:
#
#   1. listeners are closed; who connects now is refused by the kernel
#   2. idle HTTP connections are closed, requests in flight are answered with
#      "Connection: close", WebSockets get their queued messages and the close frame
#   3. each peer has `Timeouts.close_seconds` to answer, each handler
#      `Timeouts.handler_grace_seconds` to end
#   4. at the deadline whatever is left is cancelled and dropped
#   5. the lifespan is left, uncancelled, so that it can close what it opened; after the
#      grace that a handler has it is cancelled too
#
# Everything runs inside a shield, so that cancelling the server's scope begins at 1 and
# not at 4. It has no deadline while the server serves, because nothing is being shut down;
# it gets one the moment a shutdown begins. The connections' scope within it has the
# deadline of 4, and no shield: a lifespan whose task fails ends them.

ABORT_SECONDS = 1.0
"""What is left to the lifespan when somebody has lost patience."""

GOING_AWAY = Close(CloseCode.GOING_AWAY)


class Shutdown:
    """Whether the server is shutting down, how, and until when."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._drain_seconds = timeouts.drain_seconds
        self._grace_seconds = timeouts.handler_grace_seconds
        self._begun = trio.Event()
        self.shield = trio.CancelScope(shield=True)
        self.connections = trio.CancelScope()
        self.finished = trio.Event()
        self.close = GOING_AWAY
        self.is_serving = False

    @property
    def has_begun(self) -> bool:
        """Whether nothing new is to be started."""
        return self._begun.is_set()

    def begin(self, grace_seconds: float | None = None, close: Close = GOING_AWAY) -> None:
        """Begin, or hurry up: a later deadline never replaces an earlier one."""
        seconds = self._drain_seconds if grace_seconds is None else grace_seconds
        self._end_by(trio.current_time() + seconds)
        if not self.has_begun:
            self.close = close
            self._begun.set()
        if not self.is_serving:
            self.shield.cancel()

    def abort(self) -> None:
        """End at once: handlers are cancelled, connections dropped."""
        self._grace_seconds = min(self._grace_seconds, ABORT_SECONDS)
        self.begin()
        self._end_by(trio.current_time())
        self.connections.cancel()

    def _end_by(self, deadline: float) -> None:
        self.connections.deadline = min(self.connections.deadline, deadline)
        self.shield.deadline = min(self.shield.deadline, deadline + self._grace_seconds)

    async def wait_begun(self) -> None:
        """Wait until a shutdown begins."""
        await self._begun.wait()

    async def begin_when_cancelled(self) -> None:
        """Sleep outside the shield, and turn a cancellation into a graceful shutdown."""
        try:
            await trio.sleep_forever()
        finally:
            self.begin()
