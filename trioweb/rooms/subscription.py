"""A room's messages for a listener without a WebSocket."""

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
    """An async iterator over a room's messages, starting when it is created.

    It stays subscribed, and keeps the room alive, for as long as something refers to it. To
    leave, drop the last reference; `close` or a `with` block does it explicitly.

    Attributes:
        overflow: The policy when too much waits.
        missed: How many messages it did not get: those that the overflow policy dropped, and
            those of publishers that were cancelled while they waited for it.
        line: The publishers that wait until there is room here.
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
        self._leave: Callable[[Subscription], None] | None = leave  # a bound method: keeps the room alive
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
            OutboxFull: The policy is `Overflow.CLOSE` and too many messages waited.
                The waiting messages are returned before this is raised.

        Cancellation: Safe; a message is either returned or stays in the queue.
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
        """Count a message that it did not get."""
        if not self.is_closed:
            self.missed += 1

    @property
    def changed(self) -> trio.Event:
        """An event that is set at the next change: a message is put or taken, or it is closed."""
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
            self._waiting.remove(other)  # then the policy looks for room, as for any new message
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
        self._changed.set()
        self._changed = trio.Event()


async def deliver_when_room(reference: ref[Subscription], message: str | bytes, key: Hashable) -> None:
    """Wait for room, then queue the message: the publisher's part of `Overflow.WAIT`.

    The waiting task holds no reference to the subscription, because a program leaves the room
    by dropping it. If the publisher is cancelled while waiting, the subscription has missed
    the message.
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
