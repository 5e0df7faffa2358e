"""Calls to the file system: they run in worker threads, which are left behind on cancellation."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar, TypeVarTuple

import trio

THREADS = 40
"""How many calls may be under way at once in one run of Trio.

They have a limiter of their own, so a hanging disk takes no threads from host name look-ups
or from the application's own work in threads.
"""

ResultT = TypeVar("ResultT")
ArgumentTs = TypeVarTuple("ArgumentTs")


COMPLETION_SECONDS = 0.25
"""How long to wait for a cancelled call that should be completed."""


class _Closable(Protocol):
    def close(self) -> None: ...


ClosableT = TypeVar("ClosableT", bound=_Closable)

_limiter: trio.lowlevel.RunVar[trio.CapacityLimiter] = trio.lowlevel.RunVar("trioweb disk threads")


async def call(function: Callable[[*ArgumentTs], ResultT], *arguments: *ArgumentTs) -> ResultT:
    """Run a blocking function in a worker thread.

    It must not return anything that has to be closed; use `acquire` for that.

    Cancellation: Immediate, however long the disk takes; the thread ends on its own.
    Backpressure: Waits while `THREADS` calls are under way.
    """
    return await trio.to_thread.run_sync(function, *arguments, abandon_on_cancel=True, limiter=_threads())


async def complete(function: Callable[[*ArgumentTs], ResultT], *arguments: *ArgumentTs) -> ResultT:
    """Run a blocking function that should not be left halfway, such as one that writes.

    Cancellation: Possible before it begins. After that it is waited for, but at most for
        `COMPLETION_SECONDS`, in case the disk hangs. The function may call
        `trio.from_thread.check_cancelled` to find out whether it is still wanted.
    Backpressure: As for `call`.
    """
    await trio.lowlevel.checkpoint_if_cancelled()
    ended, token = trio.Event(), trio.lowlevel.current_trio_token()

    def run() -> ResultT:
        try:
            return function(*arguments)
        finally:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(ended.set)

    try:
        return await call(run)
    except trio.Cancelled:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + COMPLETION_SECONDS):
            await ended.wait()
        raise


async def acquire(function: Callable[[], ClosableT]) -> ClosableT:
    """Run a blocking function that opens something, and return what it opened.

    Cancellation: Immediate. If the thread opens it after that, the thread closes it.
    Backpressure: As for `call`.
    """
    opening = _Opening(function)
    try:
        return await call(opening.run)
    except trio.Cancelled:
        opening.abandon()
        raise


def _threads() -> trio.CapacityLimiter:
    try:
        return _limiter.get()
    except LookupError:
        limiter = trio.CapacityLimiter(THREADS)
        _limiter.set(limiter)
        return limiter


class _Opening(Generic[ClosableT]):
    """Decides who closes the opened thing: the thread or the task, whichever comes last."""

    __slots__ = ("_function", "_is_abandoned", "_lock", "_opened")

    def __init__(self, function: Callable[[], ClosableT]) -> None:
        self._function = function
        self._lock = threading.Lock()
        self._is_abandoned = False
        self._opened: ClosableT | None = None

    def run(self) -> ClosableT:
        opened = self._function()
        with self._lock:
            self._opened = opened
            if self._is_abandoned:
                opened.close()
        return opened

    def abandon(self) -> None:
        with self._lock:
            self._is_abandoned = True
            if self._opened is not None:
                self._opened.close()
