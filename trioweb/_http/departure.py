"""Noticing that the client leaves while its request is answered.

A handler may wait for a long time for the sake of one client, and a stream may have no end of its own.
Both are cancelled when the client leaves, because nobody is left to read the result.

HTTP has no message for leaving, so the end of the client's output has to serve. That is ambiguous: a
client may end its output after its last request and still read (RFC 9112 §9.6), as some command-line
tools do. A short grace time settles it for responses that are nearly ready. After that the client
counts as gone, because in the far more frequent case, a response that is still not ready would be made
for nobody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import trio

from trioweb._transport.companion import accompanied
from trioweb._transport.timers import Timers

HALF_CLOSED_SECONDS = 0.5
"""How long a response may still take when the client has ended its side."""


class ClientLeft(trio.BrokenResourceError):
    """The client is gone, or reads nothing: its response cannot be completed."""


class Departure:
    """Cancels blocks when the client leaves, during one request.

    A transport takes one reader, but any number of tasks may watch, and one task may watch twice,
    inside a block of its own. So the watches queue for a lock: one of them reads ahead, and when
    its block ends, the next one continues. When the reader finds that the client has left, each of
    the others finds that out when it gets the lock.

    Args:
        read_ahead: Reads, and keeps what it reads, until the client has left or counts as gone.
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
        """Cancel the block when the client leaves. Its exceptions are not put into a group."""
        return accompanied(self._watch, "trioweb departure")

    def reading(self) -> AbstractAsyncContextManager[trio.CancelScope]:
        """Read ahead during the block, which continues when the client leaves."""
        return accompanied(self._read, "trioweb reading ahead")

    async def _read(self, _: trio.CancelScope) -> None:
        await self._watch(trio.CancelScope())  # a scope without a block: there is nothing to cancel

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
        """End all watches: the request is answered. Blocks that are still open continue."""
        for watch in list(self._watches):
            watch.cancel(reason="the request is answered")

    async def wait_stopped(self) -> None:
        """End all watches, and wait until none of them reads any more."""
        self.stop()
        async with self._reading:
            pass
