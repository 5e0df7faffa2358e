"""Received messages that wait for the handler."""

from __future__ import annotations

from collections import deque

import trio

from trioweb._wire.events import Fragment

Item = str | bytes | Fragment


def memory_bytes(item: Item) -> int:
    """Return what an item takes in memory: text may take four times its UTF-8."""
    return item.data.__sizeof__() if type(item) is Fragment else item.__sizeof__()


class Inbox:
    """A queue bounded in messages and bytes, with one task that may wait on it.

    It is filled by the connection's input, which never waits: when `is_full` says so,
    reading stops, and the most it holds beyond its bounds is what one read decoded to.
    Bytes are what the messages take in memory, since that is what a peer can exhaust.
    """

    __slots__ = ("_most_bytes", "_most_messages", "_task", "held_bytes", "items")

    def __init__(self, *, most_messages: int, most_bytes: int) -> None:
        self.items: deque[Item] = deque()
        self.held_bytes = 0
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._task: trio.lowlevel.Task | None = None

    @property
    def is_full(self) -> bool:
        """Whether reading has to stop."""
        return len(self.items) >= self._most_messages or self.held_bytes >= self._most_bytes

    @property
    def is_low(self) -> bool:
        """Whether enough was taken out for reading to begin again."""
        return len(self.items) * 2 <= self._most_messages and self.held_bytes * 2 <= self._most_bytes

    @property
    def free_messages(self) -> int:
        """How many more messages there is room for."""
        return self._most_messages - len(self.items)

    def put(self, item: Item) -> None:
        """Add what was received."""
        self.items.append(item)
        self.held_bytes += memory_bytes(item)

    def take(self) -> Item:
        """Remove and return the oldest."""
        item = self.items.popleft()
        self.held_bytes -= memory_bytes(item)
        return item

    def put_back(self, item: Item) -> None:
        """Return what was taken to its place."""
        self.items.appendleft(item)
        self.held_bytes += memory_bytes(item)

    def clear(self) -> None:
        """Forget everything: nobody will ask for it."""
        self.items.clear()
        self.held_bytes = 0

    def wake(self) -> None:
        """Wake the task that waits: there is something, or there never will be."""
        if self._task is not None:
            task, self._task = self._task, None
            trio.lowlevel.reschedule(task)

    async def wait(self) -> None:
        """Wait until `wake`; one task at a time."""
        self._task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._abort)

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED
