"""A place in the line before a full outbox."""

from __future__ import annotations

from collections.abc import Callable

import trio

from trioweb._websocket.outbox_entry import Entry


class WaitingSender:
    """A message that waits for room, and the task that waits for that, if one does.

    The outbox lets the message in by itself, as soon as there is room, and only then wakes the
    task. If it woke the task first, a task that runs before it could take the room.

    Attributes:
        entry: The message.
        size: What it adds to the bytes held.
        is_admitted: Whether the message has been queued.
    """

    __slots__ = ("_is_over", "_task", "entry", "is_admitted", "size")

    def __init__(self, entry: Entry, size: int) -> None:
        self.entry = entry
        self.size = size
        self.is_admitted = False
        self._is_over = False
        self._task: trio.lowlevel.Task | None = None

    async def wait(self, give_up: Callable[[WaitingSender], None]) -> bool:
        """Wait until the message is queued, or never will be; return which.

        Args:
            give_up: Called if the task is cancelled meanwhile.
        """

        def abort(_: object) -> trio.lowlevel.Abort:
            self._task = None
            give_up(self)
            return trio.lowlevel.Abort.SUCCEEDED

        if not self._is_over:
            self._task = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(abort)
        return self.is_admitted

    def end(self, *, is_admitted: bool) -> None:
        """The message has been queued, or never will be."""
        self.is_admitted = is_admitted
        self._is_over = True
        task, self._task = self._task, None
        if task is not None:
            trio.lowlevel.reschedule(task)
