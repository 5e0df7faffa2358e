"""The two policies that drop waiting messages for new ones: `DROP_OLDEST` and `LATEST`.

A frame in the outbox cannot be dropped: a compressor may have seen it, and the peer must then
receive it too. So while anything waits, a message is queued as a parcel, which is encoded only when
it leaves. If the outbox is empty, the message is sent as a shared frame, which is cheaper.

Each member keeps a list of its own parcels, in the order of the queue. The outbox also holds
messages of the handler and of other rooms, and those must not be dropped for this room. With the
list, the oldest parcel is found without searching the outbox.

If the member wants a notice, the first parcel to be dropped becomes the mark of the gap. It is then
the first in the list. Parcels dropped later follow it directly, so the mark counts them, and they
are removed. A gap thus gets one notice, however long it becomes, and the marks of a stalled member
cannot fill its outbox.

Nothing here waits, so a publisher cannot be cancelled between dropping one message and queueing
the next.
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
        """Stop taking messages. Queued parcels are still sent.

        Each parcel refers back here through its callback. Clearing the list breaks that cycle, so the
        member's memory does not have to wait for the garbage collector.
        """
        super().leave()
        self._parcels.clear()

    def _deliver_late(self, publication: Publication, key: Hashable) -> Parcel | None:
        parcel = Parcel(publication, key, self._wire, self._notice, self._forget)
        outbox = self.outlet.outbox
        while not (self._close_gap() and self._offer(parcel)):
            # A message longer than the whole outbox is dropped itself. It would not fit even after all the
            # others had been dropped.
            if not outbox.may_ever_fit(parcel.held_bytes) or not self._drop_oldest():
                self._miss_newest()
                break
        return None

    def _offer(self, parcel: Parcel) -> bool:
        # Before it is offered, since offering may write it at once, and `_forget` then expects it here.
        self._remember(parcel)
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
            parcels.remove(parcel)  # usually the first or the second, so the search is short

    def _drop_oldest(self) -> bool:
        """Drop the oldest parcel that is not a mark; return `False` if there is none.

        If the member wants a notice, the gap is marked where the parcel was. The mark counts as
        `NOTICE_BYTES`, so dropping a short message may free nothing. The caller then drops the next.
        """
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

    The place matters. If the new message went to the end of the queue, a key that changes often
    might never be sent while other keys keep the outbox busy.

    A replaced message leaves no mark: its key arrives, with a newer value. It still counts as missed.
    A message whose key does not wait is handled as with `DROP_OLDEST`, and so the oldest keys are
    dropped if there are too many.
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
        """Stop taking messages, and release the parcels in the index by key as well."""
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
            # The old message is outdated in any case. The new one is longer, and has to find room at the end
            # of the queue like any other message.
            self._forget(parcel)
            parcel.publication = None
            outbox.take_back(parcel)
            return False
        parcel.publication = publication
        outbox.resize(parcel, held_bytes)
        return True
