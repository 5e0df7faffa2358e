"""The two policies that drop waiting messages for new ones: `DROP_OLDEST` and `LATEST`.

A frame in the outbox cannot be dropped, since other messages may share its bytes and a compressor
may have seen it. So while anything waits, a message is queued as a parcel. The member keeps its
own list of these in the order of the queue, because the outbox also has the messages of the
handler and of other rooms, and those must stay.

At most one mark is in the list, and it comes first. The oldest parcel becomes the mark, and the
parcels dropped later are its direct successors, so it counts them and they leave no trace.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import ClassVar

from trioweb._web.websocket import WebSocket
from trioweb._websocket.publication import Publication
from trioweb.rooms.member_delivery import MemberDelivery
from trioweb.rooms.overflow import Overflow
from trioweb.rooms.parcel import NOTICE_BYTES, Parcel


class OldestDropped(MemberDelivery):
    """`Overflow.DROP_OLDEST`: makes room for a message by dropping the oldest parcels."""

    __slots__ = ("_parcels",)

    may_always_offer: ClassVar[bool] = False

    def __init__(
        self,
        connection: WebSocket,
        overflow: Overflow,
        missed_notice: Callable[[int], str | bytes] | None,
    ) -> None:
        super().__init__(connection, overflow, missed_notice)
        self._parcels: list[Parcel] = []

    def leave(self) -> None:
        """Stop taking messages. The parcels are still sent, but form no cycle with this until then."""
        super().leave()
        self._parcels.clear()

    def _deliver_late(self, publication: Publication, key: Hashable) -> Parcel | None:
        parcel = Parcel(publication, key, self._wire, self._notice, self._forget)
        outbox = self.outlet.outbox
        while not (self._close_gap() and self._offer(parcel)):
            # A message longer than the whole outbox would drop all others in vain.
            if not outbox.may_ever_fit(parcel.held_bytes) or not self._drop_oldest():
                self._miss_newest()
                break
        return None

    def _offer(self, parcel: Parcel) -> bool:
        self._remember(parcel)  # first, because it may leave as soon as it is offered
        if self.outlet.offer_slot(parcel):
            return True
        self._forget(parcel)
        return False

    def _remember(self, parcel: Parcel) -> None:
        self._parcels.append(parcel)

    def _forget(self, parcel: Parcel) -> None:
        """Forget a parcel that leaves the outbox, was dropped, or was never queued."""
        parcels = self._parcels
        if self._has_left:
            return
        if parcels[-1] is parcel:
            parcels.pop()
        else:
            parcels.remove(parcel)  # they leave in their order, so it is the first or the second

    def _drop_oldest(self) -> bool:
        """Make room; with a notice, the oldest gap is marked in its place."""
        parcels = self._parcels
        has_mark = bool(parcels) and parcels[0].is_mark
        place = 1 if has_mark else 0
        if place == len(parcels):
            return False
        oldest = parcels[place]
        self._forget(oldest)
        oldest.publication = None
        if has_mark:
            parcels[0].missed += 1
            self.outlet.outbox.take_back(oldest)
        elif self._notice is not None:
            oldest.missed = 1
            parcels.insert(0, oldest)
            self.outlet.outbox.resize(oldest, NOTICE_BYTES)
        else:
            self.outlet.outbox.take_back(oldest)
        self._miss()
        return True


class LatestKept(OldestDropped):
    """`Overflow.LATEST`: a message replaces the waiting one with its key, in the same place.

    The place matters: a key that changes often would otherwise always be the newest, and would
    never be sent while others keep the outbox busy.
    """

    __slots__ = ("_by_key",)

    def __init__(
        self,
        connection: WebSocket,
        overflow: Overflow,
        missed_notice: Callable[[int], str | bytes] | None,
    ) -> None:
        super().__init__(connection, overflow, missed_notice)
        self._by_key: dict[Hashable, Parcel] = {}

    def leave(self) -> None:
        """As above."""
        super().leave()
        self._by_key.clear()

    def _deliver_late(self, publication: Publication, key: Hashable) -> Parcel | None:
        if not self._replace(publication, key):
            super()._deliver_late(publication, key)
        return None

    def _remember(self, parcel: Parcel) -> None:
        super()._remember(parcel)
        self._by_key[parcel.key] = parcel

    def _forget(self, parcel: Parcel) -> None:
        super()._forget(parcel)
        if self._by_key.get(parcel.key) is parcel:
            del self._by_key[parcel.key]

    def _replace(self, publication: Publication, key: Hashable) -> bool:
        parcel = self._by_key.get(key)
        if parcel is None:
            return False
        self._miss()
        outbox = self.outlet.outbox
        held_bytes = publication.size_for(self._wire)
        if not outbox.may_grow(held_bytes - parcel.held_bytes):
            # It is still replaced, but the longer one has to find room like any other message.
            self._forget(parcel)
            parcel.publication = None
            outbox.take_back(parcel)
            return False
        parcel.publication = publication
        outbox.resize(parcel, held_bytes)
        return True
