"""Calls to the file system: in worker threads, and left behind when nobody waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar, TypeVarTuple

import trio

THREADS = 40
"""How many calls may be under way at once in one run of Trio.

They have threads of their own: a disk that hangs takes none from those who look up host
names or work in threads.
"""

ResultT = TypeVar("ResultT")
ArgumentTs = TypeVarTuple("ArgumentTs")


COMPLETION_SECONDS = 0.25
"""How long a cancelled call is waited for that ought to be completed."""


class _Closable(Protocol):
    def close(self) -> None: ...


ClosableT = TypeVar("ClosableT", bound=_Closable)

_limiter: trio.lowlevel.RunVar[trio.CapacityLimiter] = trio.lowlevel.RunVar("trioweb disk threads")


async def call(function: Callable[[*ArgumentTs], ResultT], *arguments: *ArgumentTs) -> ResultT:
    """Run a blocking function in a worker thread.

    It must hold nothing that has to be closed; `acquire` is for that.

    Cancellation: At once, however long the disk takes; the thread ends on its own.
    Backpressure: Waits while `THREADS` calls are under way.
    """
    return await trio.to_thread.run_sync(function, *arguments, abandon_on_cancel=True, limiter=_threads())


async def complete(function: Callable[[*ArgumentTs], ResultT], *arguments: *ArgumentTs) -> ResultT:
    """Run a blocking function that is left behind only by a disk that hangs, such as one that writes.

    Cancellation: Before it begins; after that it is waited for, `COMPLETION_SECONDS` at most,
        and may ask `trio.from_thread.check_cancelled` whether it is still wanted.
    Backpressure: As `call`.
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
    """Run a blocking function that opens something, and return that.

    Cancellation: At once; what the thread opens after that, it closes.
    Backpressure: As `call`.
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
    """Decides who closes: whoever comes last, the thread with it or the task without."""

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
