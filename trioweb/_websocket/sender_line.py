"""The line before a full outbox."""

from __future__ import annotations

from collections.abc import Callable

import trio

from trioweb._websocket.outbox_entry import Entry, size_of

PASSED_BY = 16
"""How many messages of rooms that free space for themselves may overtake a task that waits to send."""


class WaitingSender:
    """A message that waits for room, and the task that waits with it, if there is one.

    The outbox lets the message in by itself, as soon as there is room, and only then wakes the
    task. If it woke the task first, another task could run before it and take the room.

    Attributes:
        entry: The message.
        size: How many bytes it adds to those that the outbox holds.
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
        """Wait until the message is queued, or never will be; return whether it was queued.

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


class SenderLine(list[WaitingSender]):
    """Messages that wait for room, in order of arrival.

    No message overtakes the line, with one exception: rooms that drop their own oldest messages
    keep the outbox full for as long as they publish. If they waited in line as well, they could
    not publish without waiting; if they always overtook it, a task in `send` would starve. So
    they do overtake it, but after every `PASSED_BY` messages they make room for the first in line.

    It inherits from list, because every message asks whether the line is empty, and the truth value
    of a list is the cheapest way to find out.
    """

    __slots__ = ("_passed_by",)

    def __init__(self) -> None:
        super().__init__()
        self._passed_by = 0

    def join(self, entry: Entry) -> WaitingSender:
        """Put a message at the end of the line."""
        sender = WaitingSender(entry, size_of(entry))
        self.append(sender)
        return sender

    def leave(self, sender: WaitingSender) -> bool:
        """Take a message out of the line, and wake its task; return whether it was in the line."""
        if sender not in self:
            return False
        self.remove(sender)
        sender.end(is_admitted=False)
        return True

    def let_pass(self) -> bool:
        """Let one message overtake the line, and count it; `False` if it is the line's turn."""
        if self._passed_by >= PASSED_BY:
            return False
        self._passed_by += 1
        return True

    def admit(self, has_space: Callable[[int], bool], push: Callable[[Entry], None], most: int) -> bool:
        """Let in messages from the front, as far as there is space; return whether there were any.

        The first message that does not fit stops all later ones, even shorter ones. They could take
        the room that it waits for again and again, and it would never get in.
        """
        admitted = 0
        for sender in self[:most]:
            if not has_space(sender.size):
                break
            push(sender.entry)
            sender.end(is_admitted=True)
            admitted += 1
        del self[:admitted]
        if admitted:
            self._passed_by = 0
        return admitted > 0

    def dismiss(self) -> None:
        """Let no more messages in, and wake all waiting tasks."""
        for sender in self:
            sender.end(is_admitted=False)
        self.clear()
