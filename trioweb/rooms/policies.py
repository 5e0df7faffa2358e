"""The two short policies, and which class carries out which."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import assert_never

from trioweb._web.websocket import WebSocket
from trioweb._websocket.connection import closing_of
from trioweb._websocket.publication import Publication
from trioweb.closing import Close, CloseCode
from trioweb.rooms.dropping import LatestKept, OldestDropped
from trioweb.rooms.lined_up import LinedUp
from trioweb.rooms.member_delivery import MemberDelivery
from trioweb.rooms.overflow import Overflow
from trioweb.rooms.parcel import Parcel

TOO_SLOW = Close(CloseCode.TRY_AGAIN_LATER, "too slow for the room")


class ClosingDelivery(MemberDelivery):
    """`Overflow.CLOSE`: the peer comes back and loads the current state, instead of having a gap."""

    __slots__ = ()

    def _deliver_late(self, publication: Publication, key: Hashable) -> Parcel | None:  # noqa: ARG002
        closing_of(self.connection).begin(TOO_SLOW)
        return None


class NewestDropped(MemberDelivery):
    """`Overflow.DROP_NEWEST`: what waits already is sent, so messages need not be kept droppable."""

    __slots__ = ()

    def _deliver_late(self, publication: Publication, key: Hashable) -> Parcel | None:  # noqa: ARG002
        # The notice of an earlier gap goes first. If it fits, there may be room for the message, too.
        if not (self._close_gap() and self.outlet.offer(publication)):
            self._miss_newest()
        return None


def delivery_for(
    connection: WebSocket, overflow: Overflow, missed_notice: Callable[[int], str | bytes] | None
) -> MemberDelivery:
    """Return what delivers a room's messages to a new member."""
    kind: type[MemberDelivery]
    match overflow:
        case Overflow.CLOSE:
            kind = ClosingDelivery
        case Overflow.DROP_NEWEST:
            kind = NewestDropped
        case Overflow.DROP_OLDEST:
            kind = OldestDropped
        case Overflow.LATEST:
            kind = LatestKept
        case Overflow.WAIT:
            kind = LinedUp
        case _:
            assert_never(overflow)
    return kind(connection, overflow, missed_notice)
