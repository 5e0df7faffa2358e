"""One run of a scenario that is cancelled at one moment, watched from outside.

There are two moments at each checkpoint. While a task waits, a cancellation wakes it where it is. When it has just
been woken by what it waited for, a cancellation comes too late for this checkpoint: it stays pending, and the next one
raises `trio.Cancelled` on entry, before anything is done. Programs meet both, and code that survives one may
break at the other. The moments are counted over all tasks of the scenario, in the order in which they run.

A Trio instrument sees both moments, for it is called before and after each step of each task. It only uses
what Trio documents, with two exceptions that say so.

**Was the cancellation noticed?** A scenario that has no checkpoint left may return although it was cancelled; one in
which `trio.Cancelled` was raised may not. The instrument cannot see exceptions, but it sees their cause: a task that
is scheduled within `cancel()`, or within the very step in which it blocked, is woken by a cancellation. The effective
deadline then shows whether the cancellation was ours or that of a scope in the scenario. It is minus infinity under
any cancelled scope, and if a shield directly within our scope changes that, the cancellation was ours.
"""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable

import trio

from trioweb.testing.cancellation.stops import Stop, place_of, stop_of
from trioweb.testing.shields import lift_shields

Scenario = Callable[[], Awaitable[object]]


class CancellationRound(trio.abc.Instrument):
    """Runs a scenario once, cancels it at one moment, and remembers how it ended.

    Args:
        moment: The number of the moment, from 1; 0 for a run that is not cancelled.

    Attributes:
        checkpoints: How often a task of the scenario has stopped.
        place: Where it was cancelled, or `""` if it ended before.
        noticed_at: Where `trio.Cancelled` was raised first, or `""` if it was not, as far as could be seen.
        error: The exception that it raised in place of `trio.Cancelled`.
        others: Tasks that it started in nurseries that are not its own, and that have not ended.
        has_begun_to_end: Set when it is cancelled or ends by itself.
        has_ended: Set when it has ended.
    """

    def __init__(self, moment: int) -> None:
        self.checkpoints = 0
        self.place = ""
        self.noticed_at = ""
        self.error: Exception | None = None
        self.others: set[trio.lowlevel.Task] = set()
        self.has_begun_to_end = trio.Event()
        self.has_ended = trio.Event()
        self._moments_left = moment
        self._scope, self._inner_scope = trio.CancelScope(), trio.CancelScope()
        self._tasks: set[trio.lowlevel.Task] = set()
        self._woken: set[trio.lowlevel.Task] = set()
        self._is_cancelling = False
        self._nobody_left = trio.Event()

    @property
    def was_swallowed(self) -> bool:
        """Whether the scenario returned although `trio.Cancelled` was raised in it."""
        return bool(self.noticed_at) and self.error is None and not self._scope.cancelled_caught

    async def run(self, scenario: Scenario) -> None:
        """Run the scenario in the task that calls this."""
        self._tasks.add(trio.lowlevel.current_task())
        trio.lowlevel.add_instrument(self)
        try:
            with self._scope, self._inner_scope:
                self._pass_moment("before it began")
                await scenario()
        except Exception as error:
            self.error = error
        finally:
            self._tasks.discard(trio.lowlevel.current_task())
            self.has_begun_to_end.set()
            self.has_ended.set()

    async def wait_for_others(self) -> None:
        """Wait until the tasks that the scenario started elsewhere have ended."""
        while self.others:
            self._nobody_left = trio.Event()
            await self._nobody_left.wait()

    def places(self) -> str:
        """Describe where the scenario's tasks are."""
        return "; ".join(sorted(place_of(task) for task in self._tasks))

    def lift_shields(self) -> None:
        """Take away every shield of the scenario, so that it can end: it has failed already."""
        lift_shields(self._inner_scope)  # the first of the two exceptions

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        """Count a new task to the scenario if one of its own tasks holds the nursery."""
        if self.has_ended.is_set():
            return
        nursery = task.parent_nursery
        is_own = nursery is not None and nursery.parent_task in self._tasks
        (self._tasks if is_own else self.others).add(task)

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        """Forget a task."""
        self._tasks.discard(task)
        self.others.discard(task)
        if not self.others:
            self._nobody_left.set()

    def task_scheduled(self, task: trio.lowlevel.Task) -> None:
        """Note that a task is woken, by our cancellation if this happens within it."""
        if task in self._tasks:
            self._woken.add(task)
            if self._is_cancelling:
                self.noticed_at = self.noticed_at or place_of(task)

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Cancel a task that has just been woken, if this is the moment."""
        self._woken.discard(task)
        if task in self._tasks:
            self._pass_moment("as it went on from", task)

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """Cancel a task that has just stopped, if this is the moment; or see whether it has been cancelled."""
        if task not in self._tasks:
            return
        self.checkpoints += 1
        if self.place:
            self._look_at(task)
        elif task not in self._woken and stop_of(task) is Stop.BLOCKED:
            self._pass_moment("while it waited at", task)

    def _pass_moment(self, when: str, task: trio.lowlevel.Task | None = None) -> None:
        if self.place:
            return
        self._moments_left -= 1
        if self._moments_left == 0:
            self.place = when if task is None else f"{when} {place_of(task)}"
            self.has_begun_to_end.set()
            self._is_cancelling = True
            self._scope.cancel("check_cancellation")
            self._is_cancelling = False
            if task is not None:
                self._look_at(task)

    def _look_at(self, task: trio.lowlevel.Task) -> None:
        """Note whether the task that has just stopped, or is about to go on, will raise our `trio.Cancelled`."""
        stop = stop_of(task)
        is_cancelled = stop is Stop.CHECKPOINT or (stop is Stop.BLOCKED and task in self._woken)
        if not self.noticed_at and is_cancelled and self._is_ours():
            self.noticed_at = place_of(task)

    def _is_ours(self) -> bool:
        if trio.current_effective_deadline() > -math.inf:
            return False
        self._inner_scope.shield = True
        deadline = trio.current_effective_deadline()
        self._inner_scope.shield = False
        return deadline > -math.inf


def scheduler_dice() -> random.Random:
    """Return the generator by which Trio decides in which order the tasks of a pass run.

    pytest-trio uses it in the same way, for Hypothesis. This is the second exception.
    """
    return trio._core._run._r  # noqa: SLF001
