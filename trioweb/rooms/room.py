"""A room: its members, and publishing to them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable
from weakref import WeakSet, ref

import attrs
import trio

from trioweb._web.websocket import WebSocket
from trioweb._websocket.publication import Publication
from trioweb.rooms.joining import Joining, check_member
from trioweb.rooms.member_delivery import MemberDelivery
from trioweb.rooms.overflow import Overflow, check_overflow
from trioweb.rooms.parcel import Parcel, check_notice
from trioweb.rooms.policies import delivery_for
from trioweb.rooms.subscription import Subscription
from trioweb.rooms.subscription_queue import SubscriptionQueue, deliver_when_room

DELIVERIES_PER_TURN = 64
"""A publisher lets other tasks run after this many deliveries.

Delivering never waits, so a publisher to ten thousand members would otherwise stop every other
connection until it is done. Divided among 64 deliveries, the cost of a checkpoint is small.
"""

CALLS_PER_TURN = 32
"""A publisher also lets other tasks run after this many calls of `publish`, however small the rooms.

Otherwise a loop that publishes to a few members would never let their handlers run. The calls are
counted over all rooms, because a program may create a room for a single call.
"""

_calls = itertools.count(1)


@attrs.frozen(kw_only=True)
class RoomStatistics:
    """The numbers of a room.

    Attributes:
        members: WebSockets in the room.
        subscriptions: Listeners without a WebSocket.
        published: Messages published since the room was created.
        delivered: Messages meant for a member or a subscription, including dropped ones.
        drops: Messages that the current members and subscriptions have missed.
    """

    members: int
    subscriptions: int
    published: int
    delivered: int
    drops: int


class Room:
    """A named place to publish to. Get one from `app.room(name)`.

    Any number of tasks may join, publish and subscribe. Messages of one publisher reach
    every member in the order in which they were published.

    Attributes:
        name: The room's name.
        overflow: The policy for members and subscriptions that come without one of their own.
    """

    def __init__(self, name: str, overflow: Overflow = Overflow.CLOSE) -> None:
        self.name = name
        self.overflow = overflow
        self._deliveries: dict[MemberDelivery, None] = {}
        self._queues: WeakSet[SubscriptionQueue] = WeakSet()
        self._published = 0
        self._delivered = 0

    def __repr__(self) -> str:
        return f"<Room {self.name!r} {len(self._deliveries)} members>"

    def __len__(self) -> int:
        return len(self._deliveries)

    @property
    def members(self) -> tuple[WebSocket, ...]:
        """The WebSockets in the room now, in the order in which they joined."""
        return tuple(delivery.connection for delivery in self._deliveries)

    def statistics(self) -> RoomStatistics:
        """Return the numbers of the room."""
        queues = list(self._queues)
        missed = sum(delivery.missed for delivery in self._deliveries)
        return RoomStatistics(
            members=len(self._deliveries),
            subscriptions=len(queues),
            published=self._published,
            delivered=self._delivered,
            drops=missed + sum(queue.missed for queue in queues),
        )

    def join(
        self,
        ws: WebSocket,
        *,
        overflow: Overflow | None = None,
        missed_notice: Callable[[int], str | bytes] | None = None,
    ) -> Joining:
        """Keep a WebSocket in the room for the duration of a block: `async with room.join(ws)`.

        Joining accepts the WebSocket if it has not been accepted yet.

        Args:
            ws: The WebSocket; it may be in any number of rooms.
            overflow: The policy when its outbox is full; by default the room's.
            missed_notice: Makes the message for `n` missed messages, which is sent in their
                place. Without it, a gap is only counted.

        Raises:
            ConnectionClosed: The connection has ended.
            ConfigError: `overflow` is not an `Overflow`.
            SetupError: `missed_notice` cannot be called, or is an async function.
            LocalProtocolError: `ws` is the client's side of a WebSocket.

        Cancellation: Leaves the room.
        """
        check_member(ws)
        if missed_notice is not None:
            check_notice(missed_notice)
        delivery = delivery_for(ws, self._policy(overflow), missed_notice)
        return Joining(self.name, delivery, put_in=self._put_in, leave=self._take_out)

    def _put_in(self, delivery: MemberDelivery) -> None:
        self._deliveries[delivery] = None

    def _take_out(self, delivery: MemberDelivery) -> None:
        delivery.leave()
        del self._deliveries[delivery]

    def subscribe(
        self, *, overflow: Overflow | None = None, most_messages: int = 1024, most_bytes: int = 1024 * 1024
    ) -> Subscription:
        """Listen without a WebSocket: `async for message in room.subscribe()`.

        Args:
            overflow: The policy when too much waits; by default the room's.
            most_messages: How many messages may wait.
            most_bytes: How many bytes they may have together.

        Raises:
            ConfigError: `overflow` is not an `Overflow`.
        """
        queue = SubscriptionQueue(
            self._unsubscribe,
            self._policy(overflow),
            most_messages=most_messages,
            most_bytes=most_bytes,
        )
        self._queues.add(queue)
        return Subscription(queue)

    def _policy(self, overflow: Overflow | None) -> Overflow:
        policy = self.overflow if overflow is None else overflow
        check_overflow(policy)
        return policy

    def _unsubscribe(self, queue: SubscriptionQueue) -> None:
        self._queues.discard(queue)

    async def publish(
        self,
        message: str | bytes,
        *,
        exclude: WebSocket | None = None,
        key: Hashable = None,
    ) -> int:
        """Hand a message to everyone in the room.

        Args:
            message: Encoded once for all members that can share its frame.
            exclude: A member that does not get it, usually the sender.
            key: With `Overflow.LATEST`, a waiting message with the same key is replaced.

        Raises:
            LocalProtocolError: `message` is neither `str` nor `bytes`.

        Cancellation: Possible before anyone has the message, and while waiting for members and
            subscriptions whose policy is `Overflow.WAIT`. By then it has been delivered to all
            others. A receiver that was still waited for misses it, which counts as a drop.
        Backpressure: Each member's policy decides. Only `Overflow.WAIT` makes the publisher wait.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        publication = Publication(message)
        self._published += 1
        deliveries = [delivery for delivery in self._deliveries if delivery.connection is not exclude]
        waiting: list[tuple[MemberDelivery, Parcel]] = []
        for start in range(0, len(deliveries), DELIVERIES_PER_TURN):
            if start:
                # Shielded: a cancellation here would leave some members with the message and some without it.
                await trio.lowlevel.cancel_shielded_checkpoint()
            # Others may join or leave meanwhile. The list was made before, so a new member gets only later
            # messages, and one that has left ignores this one.
            for delivery in deliveries[start : start + DELIVERIES_PER_TURN]:
                if delivery.is_undisturbed and delivery.outlet.offer(publication):
                    continue  # the usual case, handled here to save a call for each member
                parcel = delivery.deliver(publication, key)
                if parcel is not None:
                    waiting.append((delivery, parcel))
        full = await self._deliver_to_subscriptions(publication, key) if self._queues else []
        self._delivered += len(deliveries)
        if waiting or full:
            # Last, so that nobody else has to wait for a full member. And at the same time, so that the
            # publisher waits only as long as the slowest of them takes.
            async with trio.open_nursery() as nursery:
                for delivery, parcel in waiting:
                    nursery.start_soon(delivery.wait_for, parcel)
                for reference in full:
                    nursery.start_soon(deliver_when_room, reference, publication.message, key)
        if not next(_calls) % CALLS_PER_TURN:
            await trio.lowlevel.cancel_shielded_checkpoint()
        return len(deliveries)

    async def _deliver_to_subscriptions(
        self, publication: Publication, key: Hashable
    ) -> list[ref[SubscriptionQueue]]:
        """Deliver to each subscription, and return the full ones that the publisher has to wait for.

        All references are weak, because a program leaves the room by dropping its subscription. A
        strong one, held across a checkpoint, would keep it subscribed for that long.
        """
        full: list[ref[SubscriptionQueue]] = []
        for count, reference in enumerate([ref(queue) for queue in self._queues], 1):
            if not count % DELIVERIES_PER_TURN:
                await trio.lowlevel.cancel_shielded_checkpoint()
            queue = reference()
            if queue is not None and not queue.is_closed:
                self._delivered += 1
                if not queue.deliver(publication.message, key):
                    full.append(reference)
            del queue
        return full
