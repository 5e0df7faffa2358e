"""The publishers that wait for one full receiver."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio


class WaitingLine:
    """The queue in which `Overflow.WAIT` makes publishers wait, served in order of arrival.

    It is closed when the receiver leaves, which ends all waiting.
    """

    __slots__ = ("_is_closed", "_token", "_turn", "_waits")

    def __init__(self) -> None:
        self._turn = trio.StrictFIFOLock()
        self._waits: set[trio.CancelScope] = set()
        self._token: trio.lowlevel.TrioToken | None = None
        self._is_closed = False

    @property
    def is_empty(self) -> bool:
        """Whether no publisher waits."""
        return not self._waits

    async def wait(self, deliver: Callable[[], Awaitable[None]]) -> None:
        """Await `deliver()` when it is the caller's turn; give up if the line is closed."""
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
        """Release all waiting publishers, without a delivery."""
        self._is_closed = True
        for scope in self._waits:
            scope.cancel()

    def abandon(self) -> None:
        """Close the line from any thread: the garbage collector runs in whichever one allocates."""
        self._is_closed = True
        if self._waits and self._token is not None:
            self._token.run_sync_soon(self.close)
