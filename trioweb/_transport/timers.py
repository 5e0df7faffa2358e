"""Deadlines of many connections, kept by one task."""

from __future__ import annotations

import heapq
import itertools
import logging
import math
from collections.abc import Awaitable, Callable
from time import perf_counter
from types import TracebackType

import trio

from trioweb._transport.attention import Attention

logger = logging.getLogger("trioweb")

LOOK_SECONDS = 0.1
"""The shortest time between two looks at whether the loop stands still; a stall of less may pass unseen."""

LOOKS_PER_DEADLINE = 16
"""A look comes after this part of what is left until the next deadline, if that is longer."""

FIRED_PER_TURN = 256
"""Callbacks before the scheduler gets its turn: after a stall all of them may be due at once."""

READING_TURNS = 3
"""Passes of the scheduler before a verdict, in which tasks take what has come."""


class Timer:
    """One deadline; `cancel` makes it never come."""

    __slots__ = ("_timers", "callback", "is_awaiting", "is_verdict")

    def __init__(
        self, timers: Timers, callback: Callable[[], object], *, is_verdict: bool, is_awaiting: bool
    ) -> None:
        self._timers = timers
        self.callback: Callable[[], object] | None = callback
        self.is_verdict = is_verdict
        self.is_awaiting = is_awaiting

    def cancel(self) -> None:
        """Forget the callback. The heap's entry goes at its time, or at the next sweep."""
        if self.callback is not None:
            self.callback = None
            self._timers.count_cancelled()
            self.stop_awaiting()

    def stop_awaiting(self) -> None:
        """Nothing of the peer is awaited any more."""
        if self.is_awaiting:
            self.is_awaiting = False
            self._timers.awaiting -= 1


class PeerScope:
    """The block of `Timers.move_on_after`."""

    __slots__ = ("_scope", "_seconds", "_timer", "_timers")

    def __init__(self, timers: Timers, seconds: float) -> None:
        self._timers = timers
        self._seconds = seconds
        self._scope = trio.CancelScope()
        self._timer: Timer | None = None

    def __enter__(self) -> trio.CancelScope:
        self._timer = self._timers.judge_later(self._seconds, self._scope.cancel)
        return self._scope.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return bool(self._scope.__exit__(kind, error, traceback))


class Timers:
    """A heap of deadlines and the one task that waits for the next.

    A connection has a handful of timers that hardly ever fire, so what counts is that
    arming and cancelling are cheap and that no connection needs a task for them.

    Everything that is held against a peer is held by these deadlines, and never by Trio's own,
    for two reasons. They are kept by the clock of `Attention`, on which the time does not pass
    in which this side did not look. And before a verdict everything that has come is read.

    Args:
        catch_up: Reads what is ready, by a bounded amount, as the pump does.
    """

    def __init__(self, catch_up: Callable[[], Awaitable[None]] | None = None) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._cancelled = 0
        self._sleep: trio.CancelScope | None = None
        self._attention = Attention()
        self._look_at = math.inf
        self._catch_up = catch_up
        self.awaiting = 0  # timers that are held against a peer; without any, nobody looks

    def now(self) -> float:
        """Return the time by which peers are judged; only differences mean anything."""
        # It stands still as soon as a look is missed, though that is noticed only by the look.
        return min(trio.current_time(), self._look_at) - self._attention.lost_seconds

    def call_at(
        self,
        deadline: float,
        callback: Callable[[], object],
        *,
        is_verdict: bool = False,
        is_awaiting: bool = False,
    ) -> Timer:
        """Call `callback` once Trio's clock reaches `deadline`, or later by what is lost until then.

        It must not block. `is_awaiting` says that something of the peer is awaited until then.
        """
        is_awaiting = is_awaiting or is_verdict
        timer = Timer(self, callback, is_verdict=is_verdict, is_awaiting=is_awaiting)
        is_first = is_awaiting and not self.awaiting
        self.awaiting += is_awaiting
        heap = self._heap
        due_at = deadline - self._attention.lost_seconds
        if is_first:
            self._attention.begin(trio.current_time(), perf_counter())
        heapq.heappush(heap, (due_at, next(self._order), timer))
        if (is_first or heap[0][2] is timer) and self._sleep is not None:
            self._look_at = min(self._look_at, self._next_look(trio.current_time()))
            self._sleep.deadline = self._look_at
        return timer

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call `callback` in `seconds`."""
        return self.call_at(trio.current_time() + seconds, callback)

    def judge_later(self, seconds: float, verdict: Callable[[], object]) -> Timer:
        """Call `verdict` in `seconds`, when all that has come until then is read: it may have changed.

        For whatever harms a peer that has failed to do something in time.
        """
        return self.call_at(trio.current_time() + seconds, verdict, is_verdict=True)

    def move_on_after(self, seconds: float) -> PeerScope:
        """Do as `trio.move_on_after` does, for a block in which something of a peer is waited for."""
        return PeerScope(self, seconds)

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
            now = trio.current_time()
            if self.awaiting:
                self._attention.look(now, perf_counter(), self._look_at)
            await self._fire(now - self._attention.lost_seconds)
            self._look_at = self._next_look(now)
            with trio.CancelScope(deadline=self._look_at) as self._sleep:
                await trio.sleep_forever()
            self._sleep = None

    def _next_look(self, now: float) -> float:
        heap = self._heap
        while heap and heap[0][2].callback is None:
            heapq.heappop(heap)
            self._cancelled -= 1
        if not heap:
            return math.inf
        due_at = heap[0][0] + self._attention.lost_seconds
        if not self.awaiting:
            return due_at
        return min(due_at, now + max(LOOK_SECONDS, (due_at - now) / LOOKS_PER_DEADLINE))

    async def _fire(self, now: float) -> None:
        verdicts: list[Timer] = []
        fired = 0
        while self._heap and self._heap[0][0] <= now:
            _, _, timer = heapq.heappop(self._heap)
            if timer.callback is None:
                self._cancelled -= 1
            elif timer.is_verdict:
                verdicts.append(timer)
            else:
                _call(timer)
                fired += 1
                if not fired % FIRED_PER_TURN:
                    await trio.lowlevel.checkpoint()
        if verdicts:
            await self._let_read()
            for timer in verdicts:
                _call(timer)

    async def _let_read(self) -> None:
        """Let everybody take what has come, the pump for its sockets and tasks for themselves."""
        if self._catch_up is not None:
            await self._catch_up()
        for _ in range(READING_TURNS):
            await trio.lowlevel.checkpoint()


def _call(timer: Timer) -> None:
    callback, timer.callback = timer.callback, None
    if callback is None:
        return
    timer.stop_awaiting()
    try:
        callback()
    except Exception:  # one connection's bug is not another's
        logger.exception("internal error at a deadline")
