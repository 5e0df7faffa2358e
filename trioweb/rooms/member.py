"""A WebSocket's place in a room, and how its overflow policy is carried out."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial

from trioweb._web.websocket import WebSocket
from trioweb._websocket.connection import closing_of, outlet_of
from trioweb._websocket.publication import Publication
from trioweb._websocket.waiting_sender import WaitingSender
from trioweb._wire.websocket import WebSocketWire
from trioweb.closing import Close, CloseCode
from trioweb.rooms.overflow import Overflow
from trioweb.rooms.parcel import NOTICE_BYTES, Parcel, notice_of

TOO_SLOW = Close(CloseCode.TRY_AGAIN_LATER, "too slow for the room")


class Member:
    """The membership that `room.join` gives, with the number of missed messages.

    Attributes:
        connection: The WebSocket.
        outlet: The outlet through which its messages are written.
        overflow: The policy when its outbox is full.
        missed: How many of the room's messages it was not sent, including replaced ones.
        is_undisturbed: Whether the next message needs only room in the outbox: the member has
            not left, has no gap to announce, and drops nothing.
    """

    __slots__ = (
        "_by_key",
        "_gap",
        "_has_left",
        "_is_droppable",
        "_late",
        "_notice",
        "_parcels",
        "connection",
        "is_undisturbed",
        "missed",
        "outlet",
        "overflow",
    )

    def __init__(
        self,
        connection: WebSocket,
        overflow: Overflow,
        missed_notice: Callable[[int], str | bytes] | None,
    ) -> None:
        self.connection = connection
        self.outlet = outlet_of(connection)
        self.overflow = overflow
        self._is_droppable = overflow is Overflow.DROP_OLDEST or overflow is Overflow.LATEST
        self.missed = 0
        self.is_undisturbed = not self._is_droppable
        self._has_left = False
        self._notice = missed_notice
        self._parcels: list[Parcel] = []
        self._by_key: dict[Hashable, Parcel] = {}
        self._gap = 0
        self._late: dict[Parcel, WaitingSender] = {}

    def deliver(self, publication: Publication, key: Hashable) -> Parcel | None:
        """Queue a message without waiting, or return the parcel that the publisher has to wait for."""
        outlet = self.outlet
        if self._has_left or outlet.is_sealed:
            return None
        if self._is_droppable and not outlet.is_idle:
            self._deliver_parcel(publication, key)
        elif self._gap or not outlet.offer(publication):
            if self.overflow is Overflow.WAIT:
                return self._line_up(publication)
            if self.overflow is Overflow.CLOSE:
                closing_of(self.connection).begin(TOO_SLOW)
            elif not (self._close_gap() and outlet.offer(publication)):
                self._miss_newest()
        return None

    def leave(self) -> None:
        """Stop taking messages."""
        self._has_left = True
        self.is_undisturbed = False
        self._parcels.clear()  # the parcels are still sent, and form no cycle with the member until then
        self._by_key.clear()
        late, self._late = self._late, {}
        self.outlet.outbox.leave_line(*late.values())
        if self._notice is not None:
            self.outlet.call_no_more(self._tell_gap)

    @property
    def _wire(self) -> WebSocketWire:
        assert self.outlet.wire is not None  # joining has accepted the handshake
        return self.outlet.wire

    # Waiting.

    def _line_up(self, publication: Publication) -> Parcel:
        parcel = Parcel(publication, None, self._wire, self._notice, self._forget)
        self._parcels.append(parcel)
        self._late[parcel] = self.outlet.outbox.waiting.join(parcel)
        return parcel

    async def wait_for(self, parcel: Parcel) -> None:
        """Wait until a message is queued: the publisher's part of `Overflow.WAIT`.

        If the publisher is cancelled meanwhile, the member has missed the message.
        """
        sender = self._late.get(parcel)
        if sender is not None:  # else the member has left
            await sender.wait(partial(self._miss_late, parcel))
            if parcel.publication is not None:
                self._late.pop(parcel, None)

    def _miss_late(self, parcel: Parcel, sender: WaitingSender) -> None:
        """Turn a message that nobody waits for into the mark of a gap, joined with adjacent gaps."""
        self._miss()
        place = self._parcels.index(parcel)
        following = self._parcels[place + 1] if place + 1 < len(self._parcels) else None
        preceding = self._parcels[place - 1] if place else None
        parcel.publication, parcel.missed = None, 1
        joined: list[Parcel] = []
        if following is not None and following.publication is None:
            parcel.missed += following.missed
            joined.append(following)
        if preceding is not None and preceding.publication is None:
            preceding.missed += parcel.missed
            joined.append(parcel)
        elif self._notice is None:
            joined.append(parcel)
        else:
            sender.size = parcel.held_bytes = NOTICE_BYTES
        # All of them at once: when one leaves the line, the outbox may let in those that are left.
        for one in joined:
            self._parcels.remove(one)
        self.outlet.outbox.leave_line(*map(self._late.pop, joined))

    # Dropping.

    def _deliver_parcel(self, publication: Publication, key: Hashable) -> None:
        if self.overflow is Overflow.LATEST and self._replace(publication, key):
            return
        parcel = Parcel(publication, key, self._wire, self._notice, self._forget)
        outbox = self.outlet.outbox
        while not (self._close_gap() and self._offer(parcel)):
            if not outbox.may_ever_fit(parcel.held_bytes) or not self._drop_oldest():
                self._miss_newest()
                return

    def _offer(self, parcel: Parcel) -> bool:
        self._parcels.append(parcel)  # first, because it may leave as soon as it is offered
        if self.overflow is Overflow.LATEST:
            self._by_key[parcel.key] = parcel
        if self.outlet.offer_slot(parcel):
            return True
        self._forget(parcel)
        return False

    def _forget(self, parcel: Parcel) -> None:
        """Forget a parcel that leaves the outbox, or was never queued."""
        parcels = self._parcels
        if self._has_left:
            return
        if parcels[-1] is parcel:
            parcels.pop()
        else:
            parcels.remove(parcel)  # they leave in their order, so it is the first
        if self._by_key.get(parcel.key) is parcel:
            del self._by_key[parcel.key]
        self._late.pop(parcel, None)

    def _replace(self, publication: Publication, key: Hashable) -> bool:
        parcel = self._by_key.get(key)
        if parcel is None:
            return False
        self._miss()
        held_bytes = publication.size_for(self._wire)
        if not self.outlet.outbox.may_grow(held_bytes - parcel.held_bytes):  # it needs new room
            self._forget(parcel)
            parcel.publication = None
            self.outlet.outbox.take_back(parcel)
            return False
        parcel.publication = publication
        self.outlet.outbox.resize(parcel, held_bytes)
        return True

    def _drop_oldest(self) -> bool:
        """Make room; with a notice, the oldest gap is marked in its place."""
        parcels = self._parcels
        mark = parcels[0] if parcels and parcels[0].publication is None else None
        if len(parcels) == (mark is not None):
            return False
        oldest = parcels[mark is not None]
        self._forget(oldest)
        oldest.publication = None
        if mark is not None:
            mark.missed += 1
            self.outlet.outbox.take_back(oldest)
        elif self._notice is not None:
            oldest.missed = 1
            parcels.insert(0, oldest)
            self.outlet.outbox.resize(oldest, NOTICE_BYTES)
        else:
            self.outlet.outbox.take_back(oldest)
        self._miss()
        return True

    def _close_gap(self) -> bool:
        """Send the notice of recently missed messages, if one is wanted; `False` if there is no room."""
        if self._gap and self._notice is not None:
            notice = notice_of(self._notice, self._gap)
            if notice is not None and not self.outlet.offer(notice):
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
        """Arrange for a gap to be announced even if no later message follows that would do it."""
        if self._gap and self._notice is not None:
            self.outlet.call_when_drained(self._tell_gap)

    def _tell_gap(self) -> None:
        if not (self._has_left or self.outlet.is_sealed or self._close_gap()):
            self._tell_gap_later()

    def _miss(self) -> None:
        self.missed += 1
        self.outlet.outbox.drops += 1
