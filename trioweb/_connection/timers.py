"""Deadlines of many connections, kept by one task."""

from __future__ import annotations

import heapq
import itertools
import logging
import math
from collections.abc import Callable

import trio

logger = logging.getLogger("trioweb")


class Timer:
    """One deadline; `cancel` makes it never come."""

    __slots__ = ("_timers", "callback")

    def __init__(self, timers: Timers, callback: Callable[[], None]) -> None:
        self._timers = timers
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Forget the callback. The heap's entry goes at its time, or at the next sweep."""
        if self.callback is not None:
            self.callback = None
            self._timers.count_cancelled()


class Timers:
    """A heap of deadlines and the one task that waits for the next.

    A connection has a handful of timers that hardly ever fire, so what counts is that
    arming and cancelling are cheap and that no connection needs a task for them.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._cancelled = 0
        self._sleep: trio.CancelScope | None = None

    def call_at(self, deadline: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once Trio's clock reaches `deadline`; it must not block."""
        timer = Timer(self, callback)
        heapq.heappush(self._heap, (deadline, next(self._order), timer))
        if self._sleep is not None and deadline < self._sleep.deadline:
            self._sleep.deadline = deadline
        return timer

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` in `seconds`."""
        return self.call_at(trio.current_time() + seconds, callback)

    def count_cancelled(self) -> None:
        """Sweep the heap when most of it is dead, so that it stays as small as its live part."""
        self._cancelled += 1
        if self._cancelled > 64 and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    async def run(self) -> None:
        """Fire what is due, for ever."""
        while True:
            self._fire(trio.current_time())
            deadline = self._heap[0][0] if self._heap else math.inf
            with trio.CancelScope(deadline=deadline) as self._sleep:
                await trio.sleep_forever()
            self._sleep = None

    def _fire(self, now: float) -> None:
        while self._heap and self._heap[0][0] <= now:
            _, _, timer = heapq.heappop(self._heap)
            callback, timer.callback = timer.callback, None
            if callback is None:
                self._cancelled -= 1
                continue
            try:
                callback()
            except Exception:  # one connection's bug is not another's
                logger.exception("internal error at a deadline")
