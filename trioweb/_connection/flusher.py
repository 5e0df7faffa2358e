"""Writes that were put off until the end of the scheduler's pass."""

from __future__ import annotations

import logging
from collections.abc import Callable

import trio

logger = logging.getLogger("trioweb")


class Flusher:
    """One task that writes what several connections put off.

    The first message in a pass of the scheduler is written at once. More messages for
    the same connection in the same pass wait here, so that they leave in one system
    call; a pass later they are on their way. `pass_number` changes whenever the pump or
    this task has run: it is how a connection knows that a new pass has begun.
    """

    __slots__ = ("_task", "_waiting", "pass_number")

    def __init__(self) -> None:
        self.pass_number = 0
        self._waiting: list[Callable[[], None]] = []
        self._task: trio.lowlevel.Task | None = None

    def put_off(self, flush: Callable[[], None]) -> None:
        """Call `flush` in the next pass."""
        self._waiting.append(flush)
        if self._task is not None:
            task, self._task = self._task, None
            trio.lowlevel.reschedule(task)

    async def run(self) -> None:
        """Flush what was put off, for ever."""
        while True:
            if self._waiting:  # put off by what ran just now: the next pass means the next
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
        for flush in waiting:
            try:
                flush()
            except Exception:  # one connection's bug is not another's
                logger.exception("internal error while writing")

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED
