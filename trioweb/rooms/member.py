"""A WebSocket's place in a room, and how its overflow policy is carried out."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial

import trio

from trioweb._connection.publication import Publication
from trioweb._web.websocket import WebSocket
from trioweb.closing import Close, CloseCode
from trioweb.rooms.overflow import Overflow
from trioweb.rooms.parcel import NOTICE_BYTES, Parcel, notice_of
from trioweb.rooms.waiting_line import WaitingLine

TOO_SLOW = Close(CloseCode.TRY_AGAIN_LATER, "too slow for the room")


class Member:
    """What `room.join` gives: the membership, and what it has missed.

    Attributes:
        connection: The WebSocket.
        overflow: What happens when its outbox is full.
        missed: How many of the room's messages it was not sent, replaced ones included.
        is_undisturbed: Whether the next message needs no more than room in the outbox: the
            member is here, missed nothing that is not told yet, drops nothing, and nobody waits.
    """

    __slots__ = (
        "_by_key",
        "_gap",
        "_has_left",
        "_is_droppable",
        "_late",
        "_line",
        "_notice",
        "_parcels",
        "connection",
        "is_undisturbed",
        "missed",
        "overflow",
    )

    def __init__(
        self,
        connection: WebSocket,
        overflow: Overflow,
        missed_notice: Callable[[int], str | bytes] | None,
    ) -> None:
        self.connection = connection
        self.overflow = overflow
        self._is_droppable = overflow is Overflow.DROP_OLDEST or overflow is Overflow.LATEST
        self.missed = 0
        self.is_undisturbed = not self._is_droppable
        self._has_left = False
        self._notice = missed_notice
        self._parcels: list[Parcel] = []
        self._by_key: dict[Hashable, Parcel] = {}
        self._gap = 0
        self._line = WaitingLine() if overflow is Overflow.WAIT else None
        self._late: list[_Late] = []

    def deliver(self, publication: Publication, key: Hashable) -> bool:
        """Queue a message without waiting; `False` means that the publisher has to wait."""
        connection = self.connection
        if self._has_left or connection.is_sealed:
            return True
        if self._is_droppable and not connection.is_idle:
            self._deliver_parcel(publication, key)
        elif self._line is not None:
            return self._line.is_empty and self._close_gap() and connection.offer(publication)
        elif self._gap or not connection.offer(publication):
            if self.overflow is Overflow.CLOSE:
                connection.start_closing(TOO_SLOW, is_by_handler=False)
            elif not (self._close_gap() and connection.offer(publication)):
                self._miss_newest()
        return True

    def leave(self) -> None:
        """Take no more messages."""
        self._has_left = True
        self.is_undisturbed = False
        self._parcels.clear()  # they leave all the same, and nobody is held in a cycle meanwhile
        self._by_key.clear()
        if self._line is not None:
            self._line.close()
        if self._notice is not None:
            self.connection.call_no_more(self._tell_gap)

    # Waiting.

    async def deliver_when_room(self, publication: Publication) -> None:
        """Wait for room, then queue: what `Overflow.WAIT` makes a publisher do.

        If the publisher is cancelled meanwhile, the member has missed the message.
        """
        assert self._line is not None
        late = _Late(publication, self._gap)
        self._gap = 0
        self._late.append(late)
        self.is_undisturbed = False
        try:
            await self._line.wait(partial(self._deliver_late, late))
        except trio.Cancelled:
            if not (self._has_left or self.connection.is_sealed):
                self._miss_late(late)
            raise
        finally:
            self._late.remove(late)
            self._tell_gap_later()

    async def _deliver_late(self, late: _Late) -> None:
        if late.gap and self._notice is not None:
            notice = notice_of(self._notice, late.gap)
            if notice is not None:
                await self.connection.send_publication(notice)
        late.gap = 0
        await self.connection.send_publication(late.publication)

    def _miss_late(self, late: _Late) -> None:
        """Widen the gap before whatever comes next: the next that waits, or one that is yet to come."""
        gap = late.gap + 1
        following = self._late[self._late.index(late) + 1 :]
        if following:
            following[0].gap += gap
        else:
            self._gap += gap
        self._miss()

    # Dropping.

    def _deliver_parcel(self, publication: Publication, key: Hashable) -> None:
        connection = self.connection
        if self.overflow is Overflow.LATEST and self._replace(publication, key):
            return
        parcel = Parcel(publication, key, connection.wire, self._notice, self._forget)
        while not (self._close_gap() and self._offer(parcel)):
            if not connection.may_ever_fit(parcel) or not self._drop_oldest():
                self._miss_newest()
                return

    def _offer(self, parcel: Parcel) -> bool:
        self._parcels.append(parcel)  # first, since being offered it may leave at once
        if self.overflow is Overflow.LATEST:
            self._by_key[parcel.key] = parcel
        if self.connection.offer_slot(parcel):
            return True
        self._forget(parcel)
        return False

    def _forget(self, parcel: Parcel) -> None:
        """A parcel leaves the outbox, or never came in."""
        parcels = self._parcels
        if self._has_left:
            return
        if parcels[-1] is parcel:
            parcels.pop()
        else:
            parcels.remove(parcel)  # they leave in their order, so it is the first
        if self._by_key.get(parcel.key) is parcel:
            del self._by_key[parcel.key]

    def _replace(self, publication: Publication, key: Hashable) -> bool:
        parcel = self._by_key.get(key)
        if parcel is None:
            return False
        parcel.publication = publication
        self.connection.resize(parcel, publication.size_for(self.connection.wire))
        self._miss()
        return True

    def _drop_oldest(self) -> bool:
        """Make room; with a notice, the oldest gap is marked where it is."""
        parcels = self._parcels
        mark = parcels[0] if parcels and parcels[0].publication is None else None
        if len(parcels) == (mark is not None):
            return False
        oldest = parcels[mark is not None]
        self._forget(oldest)
        oldest.publication = None
        if mark is not None:
            mark.missed += 1
            self.connection.take_back(oldest)
        elif self._notice is not None:
            oldest.missed = 1
            parcels.insert(0, oldest)
            self.connection.resize(oldest, NOTICE_BYTES)
        else:
            self.connection.take_back(oldest)
        self._miss()
        return True

    def _close_gap(self) -> bool:
        """Send the notice of what was missed since, if it is wanted; `False` without room."""
        if self._gap and self._notice is not None:
            notice = notice_of(self._notice, self._gap)
            if notice is not None and not self.connection.offer(notice):
                return False
        self._gap = 0
        self.is_undisturbed = not (self._is_droppable or self._has_left)
        return True

    def _miss_newest(self) -> None:
        self._gap += 1
        self.is_undisturbed = False
        self._miss()
        if self._gap == 1:
            self._tell_gap_later()

    def _tell_gap_later(self) -> None:
        """See to it that a gap is told though no message may follow that would have it told."""
        if self._gap and self._notice is not None and not self._late:
            self.connection.call_when_drained(self._tell_gap)

    def _tell_gap(self) -> None:
        if not (self._has_left or self.connection.is_sealed or self._late or self._close_gap()):
            self._tell_gap_later()

    def _miss(self) -> None:
        self.missed += 1
        self.connection.count_drop()


class _Late:
    """A message whose publisher waits, and how many messages are missing before it."""

    __slots__ = ("gap", "publication")

    def __init__(self, publication: Publication, gap: int) -> None:
        self.publication = publication
        self.gap = gap
