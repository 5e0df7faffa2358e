"""A task that waits for room in an outbox, with the message it wants to send."""

from __future__ import annotations

import trio

from trioweb._connection.outbox_entry import Entry


class WaitingSender:
    """One place in the line before a full outbox.

    The outbox lets the message in by itself, in the moment when there is room, and only then
    wakes the task. If it woke the task first, whoever ran before it would take the room.

    Attributes:
        entry: The message.
        size: What it adds to the bytes held.
        is_admitted: Whether the message has been queued.
    """

    __slots__ = ("_task", "entry", "is_admitted", "size")

    def __init__(self, entry: Entry, size: int) -> None:
        self.entry = entry
        self.size = size
        self.is_admitted = False
        self._task = trio.lowlevel.current_task()

    def wake(self, *, is_admitted: bool) -> None:
        """Let the task go on: its message has been queued, or never will be."""
        self.is_admitted = is_admitted
        trio.lowlevel.reschedule(self._task)
