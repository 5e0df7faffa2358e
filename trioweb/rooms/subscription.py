"""A room's messages for a listener without a WebSocket."""

from __future__ import annotations

from typing import Self

import trio

from trioweb.errors import OutboxFull
from trioweb.rooms.overflow import Overflow
from trioweb.rooms.subscription_queue import SubscriptionQueue


class Subscription:
    """An async iterator over a room's messages, starting when it is created.

    It stays subscribed, and keeps the room alive, for as long as something refers to it. To
    leave, drop the last reference; `close` or a `with` block does it explicitly.
    """

    def __init__(self, queue: SubscriptionQueue) -> None:
        self._queue = queue

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
        queue = self._queue
        while queue.is_empty:
            if queue.is_too_slow:
                raise OutboxFull(
                    "the subscription was too slow for the room and has been closed (Overflow.CLOSE)"
                )
            if queue.is_closed:
                raise StopAsyncIteration
            await queue.changed.wait()
        return queue.take()

    def close(self) -> None:
        """Leave the room. Waiting messages can still be received."""
        self._queue.close()

    @property
    def is_closed(self) -> bool:
        """Whether it no longer takes messages."""
        return self._queue.is_closed

    @property
    def overflow(self) -> Overflow:
        """The policy when too much waits."""
        return self._queue.overflow

    @property
    def missed(self) -> int:
        """How many messages it did not get.

        The overflow policy dropped them, or their publishers were cancelled while they waited for it.
        """
        return self._queue.missed
