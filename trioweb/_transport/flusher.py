"""Writes that were put off until the end of the scheduler's pass."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

import trio

logger = logging.getLogger("trioweb")

TURNS_PER_PASS = 4
"""What is long, or comes in crowds, is done for so many in a pass, however many wait."""


class Flusher:
    """One task that writes what several connections put off.

    The first message in a pass of the scheduler is written at once. More messages for
    the same connection in the same pass wait here, so that they leave in one system
    call; a pass later they are on their way. `pass_number` changes whenever the pump or
    this task has run: it is how a connection knows that a new pass has begun.

    The same task gives turns for what takes long: decoding what is left of a read, a step of the
    handshake of TLS, the first request of a connection. So a pass stays short whatever comes.
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

    async def run(self) -> None:
        """Flush what was put off, for ever."""
        while True:
            if self._waiting or self._turns:  # put off by what ran just now: the next pass means the next
                await trio.lowlevel.checkpoint()
            else:
                self._task = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(self._abort)
            self.pass_number += 1
            self._flush_all()

    def _flush_all(self) -> None:
        # Not in `run`, whose frame would keep these until there is something to flush again: an
        # idle server would hold the connections that ended last.
        waiting, self._waiting = self._waiting, []
        waiting += [self._turns.popleft() for _ in range(min(len(self._turns), TURNS_PER_PASS))]
        for flush in waiting:
            try:
                flush()
            except Exception:  # one connection's bug is not another's
                logger.exception("internal error while writing")

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED
