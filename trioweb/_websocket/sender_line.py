"""The line before a full outbox."""

from __future__ import annotations

from collections.abc import Callable

from trioweb._websocket.outbox_entry import Entry, size_of
from trioweb._websocket.waiting_sender import WaitingSender

PASSED_BY = 16
"""How many messages of rooms that make room for themselves may go before a task that waits to send."""


class SenderLine(list[WaitingSender]):
    """Messages that wait for room, in the order in which they came.

    Nobody enters past the line, with one exception: rooms that drop their own oldest messages
    keep the outbox full for as long as they publish. If they waited in line as well, they could
    not publish without waiting; if they passed it for ever, a task in `send` would starve. So
    they go on, and after every `PASSED_BY` messages they make room for the first in line.

    A list by inheritance: whether anybody waits is asked at every message, and the truth
    of a list is the cheapest question there is.
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
        """Take a message out of the line; say whether it was in it. A task that waits with it goes on."""
        if sender not in self:
            return False
        self.remove(sender)
        sender.end(is_admitted=False)
        return True

    def may_be_passed(self) -> bool:
        """Count one that does not wait in line; `False` when it is the line's turn."""
        if self._passed_by >= PASSED_BY:
            return False
        self._passed_by += 1
        return True

    def admit(self, has_space: Callable[[int], bool], push: Callable[[Entry], None], most: int) -> bool:
        """Let in the first of the line, as far as there is space; say whether any message was.

        The first that does not fit stops all others, even shorter ones: they would take
        the room that it waits for, again and again.
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
        """Nobody gets in any more."""
        for sender in self:
            sender.end(is_admitted=False)
        self.clear()
