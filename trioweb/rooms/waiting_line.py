"""The publishers that wait for one full receiver.

The line has an owner that may vanish at any moment: a subscription leaves its room when the last
reference to it is dropped. No publisher may then wait for ever, and none may keep the owner alive by
waiting for it. So the line knows nothing of its owner. It holds only the cancel scopes of the waiting
publishers, and cancelling these wakes them without cancelling anything else in their tasks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio


class WaitingLine:
    """The queue in which `Overflow.WAIT` makes publishers wait, served in order of arrival.

    The lock is strict: a publisher that comes later cannot take a free place before one that waits,
    or messages would change their order. When the receiver leaves, the line is closed, which ends
    all waiting.
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
        """Await `deliver()` when it is the caller's turn; return early if the line is closed.

        Cancellation: Leaves the line. Publishers after this one move up.
        """
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
        """Close the line from any thread.

        A finalizer calls this, and the garbage collector may run it in any thread that allocates.
        Cancel scopes belong to Trio's thread, so cancelling them is left to that one.
        """
        self._is_closed = True
        if self._waits and self._token is not None:
            self._token.run_sync_soon(self.close)
