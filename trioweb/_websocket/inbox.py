"""Received messages that wait for the handler."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from trioweb._wire.events import Fragment

Item = str | bytes | Fragment


class Inbox:
    """A queue bounded in messages and bytes, with one task that may wait on it.

    The input of the connection fills it and never waits: when `is_full` is true, reading stops.
    So it exceeds its bounds by at most the messages decoded from one read. The bound in bytes
    applies to memory, because a peer could exhaust that: text may take four times as much memory
    as its UTF-8 does on the wire.

    Attributes:
        items: The waiting messages, the oldest last. In this order a list returns the oldest as
            quickly as a deque, and an empty list has a tenth of the size of a deque, which
            matters because every idle connection has one.
        held_bytes: How much memory they take.
        most_messages: How many it may hold.
        task: The task that waits. It puts itself here, and then waits with `forget_task` as its
            abort function. This saves a coroutine for every message.
    """

    __slots__ = ("_most_bytes", "held_bytes", "items", "most_messages", "task")

    def __init__(self, *, most_messages: int, most_bytes: int) -> None:
        self.items: list[Item] = []
        self.held_bytes = 0
        self.most_messages = most_messages
        self._most_bytes = most_bytes
        self.task: trio.lowlevel.Task | None = None

    @property
    def is_full(self) -> bool:
        """Whether reading must stop."""
        return len(self.items) >= self.most_messages or self.held_bytes >= self._most_bytes

    @property
    def is_low(self) -> bool:
        """Whether enough was taken out for reading to resume."""
        return len(self.items) * 2 <= self.most_messages and self.held_bytes * 2 <= self._most_bytes

    def put(self, fresh: Sequence[Item]) -> bool:
        """Add received messages, the oldest first; return whether the inbox is now full."""
        items = self.items
        items[:0] = fresh[::-1]
        held_bytes = self.held_bytes
        for item in fresh:
            held_bytes += item.__sizeof__()
        self.held_bytes = held_bytes
        return len(items) >= self.most_messages or held_bytes >= self._most_bytes

    def take(self) -> Item:
        """Remove and return the oldest message."""
        item = self.items.pop()
        self.held_bytes -= item.__sizeof__()
        return item

    def put_back(self, item: Item) -> None:
        """Put back what was taken."""
        self.items.append(item)
        self.held_bytes += item.__sizeof__()

    def clear(self) -> None:
        """Drop all messages, because no task will receive them."""
        self.items.clear()
        self.held_bytes = 0

    def wake(self) -> None:
        """Wake the task that waits: there is something, or there never will be."""
        if self.task is not None:
            task, self.task = self.task, None
            trio.lowlevel.reschedule(task)

    def forget_task(self, _: object) -> trio.lowlevel.Abort:
        """The task that waits was cancelled."""
        self.task = None
        return trio.lowlevel.Abort.SUCCEEDED
