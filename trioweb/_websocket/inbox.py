"""Received messages that wait for the handler."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from trioweb._wire.events import Fragment

Item = str | bytes | Fragment


class Inbox:
    """A queue bounded in messages and bytes, with one task that may wait on it.

    It is filled by the connection's input, which never waits: when `is_full` says so,
    reading stops, and the most it holds beyond its bounds is what one read decoded to.
    Bytes are what the messages take in memory, since that is what a peer can exhaust:
    text may take four times its UTF-8.

    Attributes:
        items: What waits, the oldest last. A list of this order gives its oldest as
            quickly as a deque, and an empty one has a tenth of a deque's size, of which
            there would be one for each idle connection.
        held_bytes: What they take in memory.
        most_messages: How many it may hold.
        task: The task that waits. It puts itself here, then waits with `forget_task` to
            abort by: one coroutine less on the way of every message.
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
        """Whether reading has to stop."""
        return len(self.items) >= self.most_messages or self.held_bytes >= self._most_bytes

    @property
    def is_low(self) -> bool:
        """Whether enough was taken out for reading to begin again."""
        return len(self.items) * 2 <= self.most_messages and self.held_bytes * 2 <= self._most_bytes

    def put(self, fresh: Sequence[Item]) -> bool:
        """Add what was received, the oldest first; return whether that is full now."""
        items = self.items
        items[:0] = fresh[::-1]
        held_bytes = self.held_bytes
        for item in fresh:
            held_bytes += item.__sizeof__()
        self.held_bytes = held_bytes
        return len(items) >= self.most_messages or held_bytes >= self._most_bytes

    def take(self) -> Item:
        """Remove and return the oldest."""
        item = self.items.pop()
        self.held_bytes -= item.__sizeof__()
        return item

    def put_back(self, item: Item) -> None:
        """Return what was taken to its place."""
        self.items.append(item)
        self.held_bytes += item.__sizeof__()

    def clear(self) -> None:
        """Forget everything: nobody will ask for it."""
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
