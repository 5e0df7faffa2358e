"""The publishers that wait for one receiver which is full."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio


class WaitingLine:
    """Where `Overflow.WAIT` makes publishers wait, in the order in which they came.

    It is closed when the receiver leaves: then nobody waits any longer.
    """

    __slots__ = ("_is_closed", "_token", "_turn", "_waits")

    def __init__(self) -> None:
        self._turn = trio.StrictFIFOLock()
        self._waits: set[trio.CancelScope] = set()
        self._token: trio.lowlevel.TrioToken | None = None
        self._is_closed = False

    @property
    def is_empty(self) -> bool:
        """Whether nobody waits."""
        return not self._waits

    async def wait(self, deliver: Callable[[], Awaitable[None]]) -> None:
        """Await `deliver()` when the caller's turn has come; give it up when the line is closed."""
        if self._is_closed:
            return
        self._token = trio.lowlevel.current_trio_token()
        with trio.CancelScope() as scope:
            self._waits.add(scope)
            try:
                async with self._turn:
                    await deliver()
            finally:
                self._waits.remove(scope)

    def close(self) -> None:
        """Let everybody go on who waits."""
        self._is_closed = True
        for scope in self._waits:
            scope.cancel()

    def abandon(self) -> None:
        """As `close`, from any thread: the garbage collector runs in whichever allocates."""
        self._is_closed = True
        if self._waits and self._token is not None:
            self._token.run_sync_soon(self.close)
