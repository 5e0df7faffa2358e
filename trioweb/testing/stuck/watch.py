"""Finds out that a test waits for something that can never happen, and raises `Stuck` there.

When is a program stuck? Not when nothing has happened for a while: a handler may sleep for an hour, and a machine may
be slow. But when every task waits for another one, and nothing is left that could wake the first of them:

    all tasks are blocked                  nobody is working, however slowly
    and no task waits for the outside      no socket, worker thread, process or signal can wake one
    and no deadline is left, but upkeep    no sleep, no time-out, no closing handshake ends

Each of these can be seen, and none of them depends on how fast the machine is. *Upkeep* means the pings of WebSockets and
the comments in quiet streams of events. Two programs that wait for each other go on with these for ever, so under
a clock that jumps over waiting the test would run for ever, at full speed.

A ping has one effect: if nobody answers, the connection is cut, and that wakes tasks. So when there are pings, the watch
also waits until they have had their say, which is once the interval and the time-out of every connection
have passed without progress. For a virtual clock that is two jumps. A real clock would need the best part of a
minute, so there the patience is `stuck_seconds`.

A clock that jumps has a second way to run for ever: a task of the program that does something every minute. Nobody can
know that it will not wake the test one day. But after `QUIET_DAY_SECONDS` and `QUIET_WAKES` wakes without one byte between
client and server, the test is not going to be the first to see it.

When does the watch look? Looking at fixed times would need a deadline, which a virtual clock would jump to. So it looks
whenever all tasks are blocked, and sleeps until another task is scheduled. In a test that waits for nothing but
memory that is hardly ever.
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from enum import Enum

import trio
import trio.testing

from trioweb._server.streamed_response import StreamedResponse
from trioweb._transport.engine import Engine, engines_of_this_run
from trioweb._websocket.keepalive import Keepalive
from trioweb.testing.bench import Bench
from trioweb.testing.client_block import ClientBlock
from trioweb.testing.memory.transcript import Progress
from trioweb.testing.shields import lift_shields
from trioweb.testing.stuck.outside import all_tasks, waits_for_the_outside
from trioweb.testing.stuck.report import report

WATCH_NAME = "trioweb watch for stuck tests"

CONFIRMING_SECONDS = 0.02
"""How long, by a real clock, nothing may happen before a test counts as stuck under a virtual one. A thread of the
program's own may be about to call, which no rule sees."""

THREAD_SECONDS = 1.0
"""How long, by a real clock, a virtual one stands still for a worker thread."""

QUIET_DAY_SECONDS = 86_400.0
"""For how long nothing may pass while tasks of the program wake again and again, by a virtual clock."""

QUIET_WAKES = 100
"""How often they must have woken meanwhile: a single sleep of a month says nothing."""

MOST_WAKES = 100_000
"""As many wakes without progress are enough even within a day."""


class _State(Enum):
    """The possible findings when all tasks are blocked."""

    HAS_DEADLINE = "a task will wake by itself"
    HAS_OUTSIDE = "something from outside may wake one"
    HAS_UPKEEP = "only pings will happen"
    HAS_NOTHING = "nothing will happen"


class StuckWatch:
    """Watches a run of Trio for as long as a client is open.

    Args:
        bench: Knows which calls wait.
        stuck_seconds: The patience under a real clock; `None` if the watch is not going to run.
        block: Uses the client, and is ended if none of its calls waits.
        serving: The scope of the server, which is cancelled if it does not end after the block.

    Attributes:
        stuck: The error that the block, or its end, raises.
    """

    def __init__(
        self, bench: Bench, stuck_seconds: float | None, block: ClientBlock, serving: trio.CancelScope
    ) -> None:
        self._bench = bench
        self._block = block
        self._serving = serving
        self._stuck_seconds = math.inf if stuck_seconds is None else stuck_seconds
        self._progress = -1
        self._progress_at = -math.inf
        self._wakes = 0
        self._passes = 0
        self._endless_threads = 0
        self._asleep: trio.Event | None = None
        self.stuck: AssertionError | None = None

    async def run(self) -> None:
        """Watch, until cancelled."""
        instrument = _Scheduling(self)
        trio.lowlevel.add_instrument(instrument)
        try:
            while True:
                await trio.testing.wait_all_tasks_blocked()
                await self._look()
        finally:
            trio.lowlevel.remove_instrument(instrument)

    def stir(self) -> None:
        """Take note that another task is about to run. It may end in another state, so a new look is due."""
        self._passes += 1
        if self._asleep is not None:
            asleep, self._asleep = self._asleep, None
            asleep.set()

    async def _look(self) -> None:
        """Judge the program at a moment at which all of its tasks are blocked, then sleep or raise."""
        now = trio.current_time()
        if Progress.count != self._progress:
            self._progress, self._progress_at, self._wakes = Progress.count, now, 0
        if await self._has_held_clock():
            return
        engines = engines_of_this_run()
        state = _state(engines)
        if state is _State.HAS_DEADLINE:
            self._wakes += 1
            if self._has_been_quiet_for_ages(now):
                self._raise("for a day of the virtual clock, nothing has passed between client and server")
                return
        elif state is not _State.HAS_OUTSIDE:
            seconds = self._progress_at + self._patience(state, engines) - now
            if seconds <= 0:
                await self._confirm(state)
            else:
                await self._sleep(seconds if not is_virtual(trio.lowlevel.current_clock()) else math.inf)
            return
        await self._sleep(math.inf)

    async def _has_held_clock(self) -> bool:
        """Keep a virtual clock from jumping while a worker thread works, and return whether that was necessary.

        To Trio, a task that waits for a thread is a task that waits. So while a file is read, its clock would jump
        from ping to ping, and hours would pass. It does not jump while a task is in `wait_all_tasks_blocked`.
        A thread that never comes back must not stop the clock for ever, so nobody waits for it twice.
        """
        threads = trio.to_thread.current_default_thread_limiter().borrowed_tokens
        self._endless_threads = min(self._endless_threads, threads)
        if threads == self._endless_threads or not is_virtual(trio.lowlevel.current_clock()):
            return False
        passes = self._passes
        await trio.testing.wait_all_tasks_blocked(THREAD_SECONDS)
        if self._passes == passes:
            self._endless_threads = threads
        return True

    async def _confirm(self, state: _State) -> None:
        """Give a thread that nobody knows of the chance to call."""
        progress = Progress.count
        if is_virtual(trio.lowlevel.current_clock()):
            await trio.testing.wait_all_tasks_blocked(CONFIRMING_SECONDS)
        if Progress.count == progress and _state(engines_of_this_run()) is state:
            self._raise("every task waits, no deadline is left, and nothing comes from outside")
            await trio.lowlevel.checkpoint()

    def _patience(self, state: _State, engines: tuple[Engine, ...]) -> float:
        """Return for how long there must have been no progress."""
        clock = trio.lowlevel.current_clock()
        if not isinstance(clock, trio.testing.MockClock):
            return self._stuck_seconds
        # Then no ping will ever be sent, and only another task could move the clock. They are all blocked.
        stands_still = clock.rate == 0 and clock.autojump_threshold == math.inf
        if state is _State.HAS_NOTHING or stands_still:
            return 0
        return max(one.silence_seconds for one in _keepalives(engines))

    def _has_been_quiet_for_ages(self, now: float) -> bool:
        """Return whether the test waits on although tasks have woken again and again."""
        if not is_virtual(trio.lowlevel.current_clock()):
            return False
        if not self._bench.waits:  # it may well sleep for a week, which nobody can see
            return self._wakes > MOST_WAKES
        if all(wait.ends_at < math.inf for wait in self._bench.waits):
            return False
        is_long = now - self._progress_at > QUIET_DAY_SECONDS and self._wakes > QUIET_WAKES
        return is_long or self._wakes > MOST_WAKES

    def _raise(self, why: str) -> None:
        """End the call that has waited longest, or else the block."""
        stuck = report(why, self._bench, trio.lowlevel.current_task())
        waits = [wait for wait in self._bench.waits if wait.ends_at == math.inf and wait.stuck is None]
        if waits:
            waits[0].stuck = stuck
            waits[0].scope.cancel(reason="it would wait for ever")
        elif self._block.can_be_ended:
            self.stuck = stuck
            self._block.end(f"it would wait for ever: {stuck}")
        elif self._block.has_been_left and not self._serving.cancel_called:
            self.stuck = self.stuck or stuck
            lift_shields(self._serving)
            self._serving.cancel(reason="it would never end")

    async def _sleep(self, seconds: float) -> None:
        """Wait until another task runs, at most this long."""
        self._asleep = asleep = trio.Event()
        with trio.move_on_after(seconds):
            await asleep.wait()
        self._asleep = None


class _Scheduling(trio.abc.Instrument):
    """Wakes the watch when any other task is about to run."""

    def __init__(self, watch: StuckWatch) -> None:
        self._watch = watch

    def task_scheduled(self, task: trio.lowlevel.Task) -> None:
        # Nor the watch of another client: the two would keep each other awake for ever.
        if task.name != WATCH_NAME:
            self._watch.stir()


def is_virtual(clock: trio.abc.Clock) -> bool:
    """Return whether a clock is one of Trio's for tests, which jumps or stands still."""
    return isinstance(clock, trio.testing.MockClock)


def _keepalives(engines: tuple[Engine, ...]) -> list[Keepalive]:
    owners = [getattr(callback, "__self__", None) for one in engines for callback in one.timers.callbacks()]
    return [owner for owner in owners if isinstance(owner, Keepalive)]


def _state(engines: tuple[Engine, ...]) -> _State:
    """Say what may still happen. The cheap questions come first: a look is paid for at every jump of the clock."""
    with ExitStack() as stack:
        for engine in engines:
            stack.enter_context(engine.timers.out_of_sight())
        if trio.lowlevel.current_statistics().seconds_to_next_deadline < math.inf:
            return _State.HAS_DEADLINE
    # The task that calls these may have been cancelled, at the end of a shutdown: then no deadline is left of theirs.
    has_timers = trio.lowlevel.current_statistics().seconds_to_next_deadline < math.inf
    callbacks = [callback for one in engines if has_timers for callback in one.timers.callbacks()]
    owners = [getattr(callback, "__self__", None) for callback in callbacks]
    if not all(isinstance(owner, Keepalive | StreamedResponse) for owner in owners):
        return _State.HAS_DEADLINE
    this_task = trio.lowlevel.current_task()
    if any(waits_for_the_outside(task, engines) for task in all_tasks() if task is not this_task):
        return _State.HAS_OUTSIDE
    return _State.HAS_UPKEEP if any(isinstance(one, Keepalive) for one in owners) else _State.HAS_NOTHING
