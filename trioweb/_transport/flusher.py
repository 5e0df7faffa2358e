"""Writes that were put off until the next pass of the scheduler, and turns for what takes long.

A *pass* is one round of Trio's scheduler: every task that was ready when it began runs once, until it
waits for something. Between two passes Trio looks for input and at its deadlines.

A message can be written at once or put off. Written at once it arrives soonest, but each message then
costs a system call, the most expensive step of sending a small one. Put off, everything that the
connection sends in the same pass leaves in a single call, but a pass later. So a connection does both: the
first message of a pass is written at once, since it is usually the only one, and what follows in the same
pass is put off. Nothing is ever put off by a clock: a pass that has nothing else to do ends immediately.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

import trio

logger = logging.getLogger("trioweb")

TURNS_PER_PASS = 4
"""How many turns are given in a pass, however many callers wait for one.

A TLS handshake takes about a millisecond. When a thousand clients come back at once, each message of the
clients that are already there would otherwise wait for a second."""


class Flusher:
    """One task that writes what several connections put off, and gives turns.

    A turn is for what takes long: decoding the rest of a read, a step of a TLS handshake, the
    first request of a connection. So a pass stays short whatever comes in.

    Attributes:
        pass_number: Changes whenever the pump or this task has run. A connection that finds
            another number than at its last write knows that a new pass has begun. Trio has no
            name for its passes, and a number that is compared costs less than a callback.
    """

    __slots__ = ("_task", "_turns", "_waiting", "pass_number")

    def __init__(self) -> None:
        self.pass_number = 0
        self._waiting: list[Callable[[], None]] = []
        self._turns: deque[Callable[[], None]] = deque()
        self._task: trio.lowlevel.Task | None = None

    def put_off(self, flush: Callable[[], None]) -> None:
        """Call `flush` in the next pass."""
        self._waiting.append(flush)
        self._wake()

    def take_turn(self, work: Callable[[], None]) -> None:
        """Call `work` in one of the next passes, a few in each: first come, first served."""
        self._turns.append(work)
        self._wake()

    async def turn(self) -> None:
        """Wait for a turn, as `take_turn` gives it."""
        come = trio.Event()
        self.take_turn(come.set)
        await come.wait()

    def _wake(self) -> None:
        if self._task is not None:
            task, self._task = self._task, None
            trio.lowlevel.reschedule(task)

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """Flush what was put off, for ever."""
        while True:
            # The work that ran just now may have put off more. That is for the next pass, not for this one: a
            # connection that always has more to write would otherwise never let the scheduler go on.
            if self._waiting or self._turns:
                await trio.lowlevel.checkpoint()
            else:
                self._task = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(self._abort)
            self.pass_number += 1
            self._flush_all()

    def _flush_all(self) -> None:
        # Not in `run`: its frame would keep these names until there is something to flush again, and
        # an idle server would hold on to the connections that ended last.
        waiting, self._waiting = self._waiting, []
        waiting += [self._turns.popleft() for _ in range(min(len(self._turns), TURNS_PER_PASS))]
        for flush in waiting:
            try:
                flush()
            except Exception:  # a bug in one connection must not affect the others
                logger.exception("internal error while writing")

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED
