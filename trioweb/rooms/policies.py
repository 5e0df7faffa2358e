"""The two short policies, and the class for each policy.

`CLOSE` and `DROP_NEWEST` never drop a queued message and never make a publisher wait. So they need
no parcels, and their classes keep no list of them. The other policies do, and have modules of their
own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import assert_never

from trioweb._web.websocket import WebSocket
from trioweb._websocket.parts_of import closing_of
from trioweb._websocket.publication import Publication
from trioweb.closing import Close, CloseCode
from trioweb.rooms.dropping import LatestKept, OldestDropped
from trioweb.rooms.lined_up import LinedUp
from trioweb.rooms.member_delivery import MemberDelivery
from trioweb.rooms.overflow import Overflow
from trioweb.rooms.parcel import Parcel

TOO_SLOW = Close(CloseCode.TRY_AGAIN_LATER, "too slow for the room")


class ClosingDelivery(MemberDelivery):
    """`Overflow.CLOSE`: closes a member that falls behind, so that its peer never has an unknown gap.

    The code is 1013 (Try Again Later): the peer is expected to reconnect and load the current state.
    The message itself is neither sent nor counted as missed. `begin` does not wait, so a slow member
    costs the publisher no time. It seals the outbox at once, so no later message can follow the gap,
    and messages queued earlier still go out before the close frame. Calling it again does nothing.
    """

    __slots__ = ()

    def _deliver_late(self, publication: Publication, key: Hashable) -> Parcel | None:  # noqa: ARG002
        closing_of(self.connection).begin(TOO_SLOW)
        return None


class NewestDropped(MemberDelivery):
    """`Overflow.DROP_NEWEST`: drops the new message, and never one that is already queued.

    A gap is therefore always at the end of the queue. No queued parcel can mark it, so
    `MemberDelivery` counts the missed messages and sends the notice before the next one that fits.
    """

    __slots__ = ()

    def _deliver_late(self, publication: Publication, key: Hashable) -> Parcel | None:  # noqa: ARG002
        # The notice of an earlier gap goes first, where the messages are missing. If there is no room even
        # for the notice, the message joins the gap: sent before the notice, it would hide where the gap is.
        if not (self._close_gap() and self.outlet.offer(publication)):
            self._miss_newest()
        return None


def delivery_for(
    connection: WebSocket, overflow: Overflow, missed_notice: Callable[[int], str | bytes] | None
) -> MemberDelivery:
    """Return a delivery that carries out the policy `overflow` for a new member."""
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
