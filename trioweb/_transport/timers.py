"""Deadlines of many connections, kept by one task.

A connection has a handful of timers that hardly ever fire: each message that arrives in time cancels one
and arms the next. So what counts is that arming and cancelling are cheap. Arming pushes an entry on a heap.
Cancelling only forgets the callback, since taking an entry out of the middle of a heap would mean to search
for it; the dead entry leaves when it gets to the top, or when a sweep finds that most entries are dead.

Each of Trio's own deadlines would need a task inside a cancel scope. And they could be unfair: they are
kept by a clock that runs on while a handler blocks the loop, so a peer could be cut off for a reply that
has been lying in our own kernel for seconds. Two rules prevent that for every deadline that is held against
a peer:

- Time in which this side did not look does not count (`Attention`). Entries are therefore kept in the peers'
  time: Trio's clock minus the time lost so far. A stall then moves all deadlines at once, by changing one
  number, without a look at the heap.
- Before a verdict, everything that has arrived is read, and the tasks that wait for it run. A verdict that
  this makes wrong is cancelled by what was read, as any timer is.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from types import TracebackType

import trio

from trioweb._transport.attention import Attention

logger = logging.getLogger("trioweb")

LOOK_SECONDS = 0.1
"""The shortest time between two checks that the loop still runs; a shorter stall may go unnoticed."""

LOOKS_PER_DEADLINE = 16
"""A check comes after this part of the time left until the next deadline, if that is longer.

So the clock can be wrong by a sixteenth of what a peer was given at the most, and a server with nothing but
deadlines of a minute wakes up every few seconds rather than ten times a second."""

FIRED_PER_TURN = 256
"""Callbacks before the scheduler gets its turn: after a stall all of them may be due at once."""

READING_TURNS = 3
"""Passes of the scheduler before a verdict.

In the first, tasks resume that the pump's reading has woken, or that Trio woke for a stream; the others are
for what these wake in turn: from a stream's reader to its connection, and from there to a handler."""


class Timer:
    """One deadline, which `cancel` removes.

    Attributes:
        callback: What to call; `None` once it has been called or cancelled.
        is_verdict: Whether everything that has arrived is to be read before.
        is_awaiting: Whether something is expected of the peer until then.
    """

    __slots__ = ("_timers", "callback", "is_awaiting", "is_verdict")

    def __init__(
        self, timers: Timers, callback: Callable[[], object], *, is_verdict: bool, is_awaiting: bool
    ) -> None:
        self._timers = timers
        self.callback: Callable[[], object] | None = callback
        self.is_verdict = is_verdict
        self.is_awaiting = is_awaiting

    def cancel(self) -> None:
        """Forget the callback. The heap's entry goes when it is due, or at the next sweep."""
        if self.callback is not None:
            self.callback = None
            self._timers.count_cancelled()
            self.stop_awaiting()

    def stop_awaiting(self) -> None:
        """Take note that nothing is expected of the peer any more."""
        if self.is_awaiting:
            self.is_awaiting = False
            self._timers.awaiting -= 1


class PeerScope:
    """The block of `Timers.move_on_after`.

    A class rather than a generator: every HTTP request enters several of these.
    """

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

    Args:
        catch_up: Reads a bounded amount of whatever is ready, as the pump does.

    Attributes:
        awaiting: How many timers are held against a peer. Without any, nobody checks whether
            the loop runs, and a server without connections sleeps.
    """

    def __init__(self, catch_up: Callable[[], Awaitable[None]] | None = None) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._cancelled = 0
        self._sleep: trio.CancelScope | None = None
        self._attention = Attention()
        self._look_at = math.inf
        self._catch_up = catch_up
        self.awaiting = 0

    def now(self) -> float:
        """Return the time on the peers' clock; only differences mean anything."""
        # A stall is noticed only by the look that comes late. Until then no time passes here beyond the
        # moment for which that look was planned, so lost time never counts against a peer.
        return min(trio.current_time(), self._look_at) - self._attention.lost_seconds

    def call_at(
        self,
        deadline: float,
        callback: Callable[[], object],
        *,
        is_verdict: bool = False,
        is_awaiting: bool = False,
    ) -> Timer:
        """Call `callback` once Trio's clock reaches `deadline`, or later by the time that is lost until then.

        Args:
            deadline: By Trio's clock.
            callback: Must not block.
            is_verdict: Read what has arrived before calling it; implies `is_awaiting`.
            is_awaiting: Something is expected of the peer until then, so a stall counts.
        """
        is_awaiting = is_awaiting or is_verdict
        timer = Timer(self, callback, is_verdict=is_verdict, is_awaiting=is_awaiting)
        is_first = is_awaiting and not self.awaiting
        if is_awaiting:
            self.awaiting += 1
        heap = self._heap
        due_at = deadline - self._attention.lost_seconds
        if is_first:  # nobody has looked since the last one ended: that was not a stall
            self._attention.begin(trio.current_time(), perf_counter())
        # The number settles ties: timers cannot be compared, and equal deadlines fire in order of arming.
        heapq.heappush(heap, (due_at, next(self._order), timer))
        if (is_first or heap[0][2] is timer) and self._sleep is not None:
            # Wake earlier than planned, but never later: a look that was planned has to come in time.
            self._look_at = min(self._look_at, self._next_look(trio.current_time()))
            self._sleep.deadline = self._look_at
        return timer

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call `callback` in `seconds`."""
        return self.call_at(trio.current_time() + seconds, callback)

    def judge_later(self, seconds: float, verdict: Callable[[], object]) -> Timer:
        """Call `verdict` in `seconds`, after everything that arrived until then is read.

        For every deadline at which a peer is cut or refused. Input that is read may cancel it.
        """
        return self.call_at(trio.current_time() + seconds, verdict, is_verdict=True)

    def move_on_after(self, seconds: float) -> PeerScope:
        """Do as `trio.move_on_after` does, for a block that waits for something from a peer."""
        return PeerScope(self, seconds)

    def callbacks(self) -> list[Callable[[], object]]:
        """Return what is going to be called some time, in no particular order."""
        return [
            timer.callback
            for due_at, _, timer in self._heap
            if timer.callback is not None and due_at < math.inf
        ]

    @contextmanager
    def out_of_sight(self) -> Iterator[None]:
        """Hide from Trio that this object waits for a deadline. The block must not wait.

        Trio shows the next deadline of a whole run, and nearly always that is this one. The test kit has to
        know whether there are any others.
        """
        sleep = self._sleep
        planned = math.inf if sleep is None else sleep.deadline
        try:
            if sleep is not None:
                sleep.deadline = math.inf
            yield
        finally:
            if sleep is not None:
                sleep.deadline = planned

    def count_cancelled(self) -> None:
        """Sweep the heap when most of it is dead.

        A keepalive that is re-armed by each message leaves an entry each time. A sweep costs as
        much as the cancellations that led to it, so the cost of a cancellation stays constant.
        """
        self._cancelled += 1
        if self._cancelled > 64 and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    @trio.lowlevel.enable_ki_protection
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
        # Verdicts wait until everything else is done: they share one round of reading, however many are due.
        verdicts: list[Timer] = []
        fired = 0
        while self._heap and self._heap[0][0] <= now:
            _, _, timer = heapq.heappop(self._heap)
            if timer.callback is None:
                self._cancelled -= 1
            elif timer.is_verdict:
                verdicts.append(timer)
            else:
                _call_back(timer)
                fired += 1
                if not fired % FIRED_PER_TURN:
                    await trio.lowlevel.checkpoint()
        if verdicts:
            await self._let_read()
            for timer in verdicts:  # timers that the reading has cancelled no longer have a callback
                _call_back(timer)

    async def _let_read(self) -> None:
        """Take in what has arrived: the pump for its sockets, and tasks for themselves."""
        if self._catch_up is not None:
            await self._catch_up()
        for _ in range(READING_TURNS):
            await trio.lowlevel.checkpoint()


def _call_back(timer: Timer) -> None:
    callback, timer.callback = timer.callback, None
    if callback is None:
        return
    timer.stop_awaiting()
    try:
        callback()
    except Exception:  # a bug in one connection must not affect the others
        logger.exception("internal error at a deadline")
