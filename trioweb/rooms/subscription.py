"""A room's messages for a program that holds no WebSocket."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from functools import partial
from typing import Self
from weakref import ref

import attrs
import trio

from trioweb.errors import OutboxFull
from trioweb.rooms.overflow import Overflow
from trioweb.rooms.waiting_line import WaitingLine


@attrs.define(eq=False)
class _Waiting:
    message: str | bytes
    key: Hashable
    held_bytes: int


class Subscription:
    """An async iterator of a room's messages, from the moment it was made.

    It belongs to the room, and keeps it, for as long as somebody holds it: leaving the loop
    and letting go of it is enough, `close` or a `with` block says it in so many words.

    Attributes:
        overflow: What happens when too much waits.
        missed: How many messages it did not get: those that the overflow policy kept from it,
            and those of publishers that were cancelled while they waited for it.
        line: The publishers that wait for room here.
    """

    def __init__(
        self,
        leave: Callable[[Subscription], None],
        overflow: Overflow,
        *,
        most_messages: int,
        most_bytes: int,
    ) -> None:
        self.overflow = overflow
        self.missed = 0
        self.line = WaitingLine()
        self._leave: Callable[[Subscription], None] | None = leave  # the room's method: it holds the room
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._waiting: deque[_Waiting] = deque()
        self._by_key: dict[Hashable, _Waiting] = {}
        self._held_bytes = 0
        self._changed = trio.Event()
        self._is_too_slow = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str | bytes:
        """Return the next message.

        Raises:
            OutboxFull: The policy is `Overflow.CLOSE` and too many messages waited;
                those that did were given first.

        Cancellation: Safe; a message is returned or it stays.
        """
        await trio.lowlevel.checkpoint()
        while not self._waiting:
            if self._is_too_slow:
                raise OutboxFull(
                    "the subscription was too slow for the room and has been closed (Overflow.CLOSE)"
                )
            if self.is_closed:
                raise StopAsyncIteration
            await self._changed.wait()
        message = self._take().message
        self._tell()
        return message

    def close(self) -> None:
        """Leave the room. What waits can still be received."""
        leave, self._leave = self._leave, None
        if leave is not None:
            leave(self)
            self.line.close()
            self._tell()

    @property
    def is_closed(self) -> bool:
        """Whether it takes no more messages."""
        return self._leave is None

    def deliver(self, message: str | bytes, key: Hashable) -> bool:
        """Queue a message without waiting; `False` means that the publisher has to wait."""
        return self.line.is_empty and self.deliver_in_turn(message, key)

    def deliver_in_turn(self, message: str | bytes, key: Hashable) -> bool:
        """As `deliver`, for the publisher whose turn it is."""
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
                    self._is_too_slow = True
                    self.close()
                    return True
                case Overflow.DROP_NEWEST:
                    self.miss()
                    return True
                case _:
                    self._drop_until_fits(waiting)
        self._put(waiting)
        return True

    def miss(self) -> None:
        """Note that it did not get a message."""
        if not self.is_closed:
            self.missed += 1

    @property
    def changed(self) -> trio.Event:
        """Set when a message was taken or put, or the subscription has ended."""
        return self._changed

    def __del__(self) -> None:
        self.line.abandon()

    def _fits(self, waiting: _Waiting) -> bool:
        return not self._waiting or (
            len(self._waiting) < self._most_messages
            and self._held_bytes + waiting.held_bytes <= self._most_bytes
        )

    def _drop_until_fits(self, waiting: _Waiting) -> None:
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
            self._waiting.remove(other)  # so the new one has to find room
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
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


async def deliver_when_room(reference: ref[Subscription], message: str | bytes, key: Hashable) -> None:
    """Wait for room, then queue: what `Overflow.WAIT` makes a publisher do.

    The subscription is not held while waiting, since letting go of it is how it ends. If
    the publisher is cancelled meanwhile, the subscription has missed the message.
    """
    subscription = reference()
    if subscription is None:
        return
    line = subscription.line
    del subscription
    try:
        await line.wait(partial(_deliver_in_turn, reference, message, key))
    except trio.Cancelled:
        subscription = reference()
        if subscription is not None:
            subscription.miss()
        raise


async def _deliver_in_turn(reference: ref[Subscription], message: str | bytes, key: Hashable) -> None:
    while (subscription := reference()) is not None and not subscription.deliver_in_turn(message, key):
        changed = subscription.changed
        del subscription
        await changed.wait()
