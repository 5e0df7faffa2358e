"""The messages of a room that wait for a listener without a WebSocket.

The policies mean the same as for a member (`policies.py`), but nothing here is encoded or
written, so each of them takes a few lines. There is no notice of a gap, because the listener runs
in the same program and can read `missed`.

References decide how long a subscription lasts. The room and waiting publishers refer to the queue
weakly, and only the `Subscription` that a program holds refers to it strongly. So a program that
drops its subscription has left the room, and a listener that was forgotten cannot hold up a
publisher or fill the memory. The queue in turn keeps the room alive while it is open, because
otherwise the next `app.room(name)` would create a second room that this listener does not hear.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from functools import partial
from typing import assert_never
from weakref import ref

import attrs
import trio

from trioweb.rooms.overflow import Overflow
from trioweb.rooms.waiting_line import WaitingLine


@attrs.define(eq=False)
class _Waiting:
    message: str | bytes
    key: Hashable
    held_bytes: int


class SubscriptionQueue:
    """A queue bounded in messages and bytes, filled by publishers and emptied by one `Subscription`.

    Attributes:
        overflow: The policy when too much waits.
        missed: How many messages the listener did not get.
        line: The publishers that wait until there is room here.
        is_too_slow: Whether `Overflow.CLOSE` has closed it.
        changed: An event that is set when a message is added or taken, or the queue is closed. Each
            change replaces it with a new one.
    """

    def __init__(
        self,
        leave: Callable[[SubscriptionQueue], None],
        overflow: Overflow,
        *,
        most_messages: int,
        most_bytes: int,
    ) -> None:
        self.overflow = overflow
        self.missed = 0
        self.line = WaitingLine()
        self._leave: Callable[[SubscriptionQueue], None] | None = (
            leave  # a bound method: keeps the room alive
        )
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._waiting: deque[_Waiting] = deque()
        self._by_key: dict[Hashable, _Waiting] = {}
        self._held_bytes = 0
        self.changed = trio.Event()
        self.is_too_slow = False

    @property
    def is_empty(self) -> bool:
        """Whether no message waits."""
        return not self._waiting

    def take(self) -> str | bytes:
        """Remove and return the oldest message."""
        message = self._take().message
        self._signal_change()
        return message

    def close(self) -> None:
        """Leave the room. Waiting messages can still be received."""
        leave, self._leave = self._leave, None
        if leave is not None:
            leave(self)
            self.line.close()
            self._signal_change()

    @property
    def is_closed(self) -> bool:
        """Whether it no longer takes messages."""
        return self._leave is None

    def deliver(self, message: str | bytes, key: Hashable) -> bool:
        """Queue a message without waiting, or return `False`: the publisher has to wait."""
        return self.line.is_empty and self.deliver_in_turn(message, key)

    def deliver_in_turn(self, message: str | bytes, key: Hashable) -> bool:
        """Do as `deliver`, for the publisher at the front of the line.

        `True` means that the publisher is done: the message was queued, dropped or refused.
        """
        if self.is_closed:
            return True
        waiting = _Waiting(message, key, len(message))
        if self.overflow is Overflow.LATEST and self._replace(waiting):
            return True
        if not self._fits(waiting):
            match self.overflow:
                case Overflow.WAIT:
                    return False
                case Overflow.CLOSE:
                    self.is_too_slow = True
                    self.close()
                    return True
                case Overflow.DROP_NEWEST:
                    self.miss()
                    return True
                case Overflow.DROP_OLDEST | Overflow.LATEST:
                    self._drop_until_fits(waiting)
                case _:
                    assert_never(self.overflow)
        self._put(waiting)
        return True

    def miss(self) -> None:
        """Count a message that it did not get."""
        if not self.is_closed:
            self.missed += 1

    def __del__(self) -> None:
        # Publishers in line refer to the queue weakly, so nobody else would wake them.
        self.line.abandon()

    def _fits(self, waiting: _Waiting) -> bool:
        # An empty queue takes any message. One that is longer than the bound could never be received otherwise.
        return not self._waiting or (
            len(self._waiting) < self._most_messages
            and self._held_bytes + waiting.held_bytes <= self._most_bytes
        )

    def _drop_until_fits(self, waiting: _Waiting) -> None:
        # Ends even for a message longer than the bound, since it fits into an empty queue.
        while not self._fits(waiting):
            self._take()
            self.missed += 1

    def _take(self) -> _Waiting:
        taken = self._waiting.popleft()
        self._held_bytes -= taken.held_bytes
        if self._by_key.get(taken.key) is taken:
            del self._by_key[taken.key]
        return taken

    def _replace(self, waiting: _Waiting) -> bool:
        other = self._by_key.get(waiting.key)
        if other is None:
            return False
        if self._held_bytes - other.held_bytes + waiting.held_bytes > self._most_bytes:
            # The old message is outdated in any case; the new one has to find room like any other.
            self._waiting.remove(other)
            self._held_bytes -= other.held_bytes
            self.missed += 1
            return False
        self._held_bytes += waiting.held_bytes - other.held_bytes
        other.message, other.held_bytes = waiting.message, waiting.held_bytes
        self.missed += 1
        return True

    def _put(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        if self.overflow is Overflow.LATEST:
            self._by_key[waiting.key] = waiting
        self._held_bytes += waiting.held_bytes
        self._signal_change()

    def _signal_change(self) -> None:
        self.changed.set()
        self.changed = trio.Event()


async def deliver_when_room(reference: ref[SubscriptionQueue], message: str | bytes, key: Hashable) -> None:
    """Wait for room, then queue the message: the publisher's part of `Overflow.WAIT`.

    Publishers wait in a line. Only the first one watches the queue, so a free place wakes one task and
    not all of them.

    The waiting task holds no strong reference to the queue, because a program leaves the room by
    dropping its subscription. Hence the `del` before each wait.

    Cancellation: The message is not queued, and counts as missed.
    """
    queue = reference()
    if queue is None:
        return
    line = queue.line
    del queue
    try:
        await line.wait(partial(_deliver_in_turn, reference, message, key))
    except trio.Cancelled:
        queue = reference()
        if queue is not None:
            queue.miss()
        raise


async def _deliver_in_turn(reference: ref[SubscriptionQueue], message: str | bytes, key: Hashable) -> None:
    while (queue := reference()) is not None and not queue.deliver_in_turn(message, key):
        changed = queue.changed
        del queue
        await changed.wait()
