"""Noticing that the client leaves while its request is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import trio

from trioweb._transport.companion import accompanied
from trioweb._transport.timers import Timers

HALF_CLOSED_SECONDS = 0.5
"""How long an answer may go on when the client has ended its side. It may have ended only that, after its
last request, and read on (RFC 9112 §9.6); one that has closed altogether resets at the next write."""


class ClientLeft(trio.BrokenResourceError):
    """The client is gone, or takes nothing: its answer cannot be completed."""


class Departure:
    """Cancels scopes when the client's side ends; belongs to one request.

    Any number of tasks may watch, also inside each other. One of them reads, and the
    others wait for their turn: when the reader's block ends, the next one reads on.

    Args:
        read_ahead: Reads, and keeps what it reads, until the client's side has ended or counts
            as ended.
        timers: Everybody's deadlines.
    """

    __slots__ = ("_has_left", "_read_ahead", "_reading", "_timers", "_watches")

    def __init__(self, read_ahead: Callable[[], Awaitable[None]], timers: Timers) -> None:
        self._read_ahead = read_ahead
        self._timers = timers
        self._reading = trio.Lock()
        self._watches: set[trio.CancelScope] = set()
        self._has_left = False

    def cancelling(self) -> AbstractAsyncContextManager[trio.CancelScope]:
        """Cancel the block when the client leaves; what it raises comes out bare."""
        return accompanied(self._watch, "trioweb departure")

    def reading(self) -> AbstractAsyncContextManager[trio.CancelScope]:
        """Read beside the block, and let it go on when the client leaves."""
        return accompanied(self._read, "trioweb reading ahead")

    async def _read(self, _: trio.CancelScope) -> None:
        await self._watch(trio.CancelScope())  # which is nobody's

    async def _watch(self, block: trio.CancelScope) -> None:
        with trio.CancelScope() as watch:
            self._watches.add(watch)
            try:
                async with self._reading:
                    if not self._has_left:
                        await self._read_ahead()
                        with self._timers.move_on_after(HALF_CLOSED_SECONDS):
                            await trio.sleep_forever()
                    self._has_left = True
                block.cancel(reason="the client has left")
            finally:
                self._watches.discard(watch)

    def stop(self) -> None:
        """Watch no longer: the request is answered. Blocks that are still open go on."""
        for watch in list(self._watches):
            watch.cancel(reason="the request is answered")

    async def wait_stopped(self) -> None:
        """Wait until nothing of this reads any more."""
        self.stop()
        async with self._reading:
            pass
