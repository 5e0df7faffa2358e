"""The policy that makes the publisher wait: `WAIT`.

The message waits in the same line as the member's own `send`, so neither starves the other, and
the outbox lets it in by itself. The publisher's task waits for that moment only to know that it
has come. If the publisher gives up, the member has missed the message. Its parcel stays in line
as the mark of a gap if the member wants a notice, and is joined with the marks before and after
it, so that one gap gets one notice however many publishers have given up.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial

from trioweb._web.websocket import WebSocket
from trioweb._websocket.publication import Publication
from trioweb._websocket.sender_line import WaitingSender
from trioweb.rooms.member_delivery import MemberDelivery
from trioweb.rooms.overflow import Overflow
from trioweb.rooms.parcel import NOTICE_BYTES, Parcel


class LinedUp(MemberDelivery):
    """`Overflow.WAIT`: puts a message that finds no room into the line before the outbox."""

    __slots__ = ("_senders",)

    def __init__(
        self,
        connection: WebSocket,
        overflow: Overflow,
        missed_notice: Callable[[int], str | bytes] | None,
    ) -> None:
        super().__init__(connection, overflow, missed_notice)
        # In the order of the line, and kept until they leave the outbox. If a parcel were forgotten when it
        # leaves the line, the marks before and after it would look like neighbours.
        self._senders: dict[Parcel, WaitingSender] = {}

    def leave(self) -> None:
        """Stop taking messages, and let no publisher wait for this any longer."""
        super().leave()
        senders, self._senders = self._senders, {}
        self.outlet.outbox.leave_line(*senders.values())

    def _deliver_late(self, publication: Publication, key: Hashable) -> Parcel | None:  # noqa: ARG002
        parcel = Parcel(publication, None, self._wire, self._notice, self._forget)
        self._senders[parcel] = self.outlet.outbox.waiting.join(parcel)
        return parcel

    async def wait_for(self, parcel: Parcel) -> None:
        """Wait until a parcel is queued: the publisher's part of the policy.

        If the publisher is cancelled meanwhile, the member has missed the message.
        """
        sender = self._senders.get(parcel)
        if sender is not None:  # else it has been sent already, or the member has left
            await sender.wait(partial(self._turn_into_mark, parcel))

    def _forget(self, parcel: Parcel) -> None:
        """Forget a parcel that leaves the outbox."""
        self._senders.pop(parcel, None)

    def _turn_into_mark(self, parcel: Parcel, sender: WaitingSender) -> None:
        """Its publisher has given up: turn the parcel into the mark of a gap, merged with its neighbours."""
        self._miss()
        preceding, following = self._neighbours_of(parcel)
        parcel.publication, parcel.missed = None, 1
        joined: list[Parcel] = []
        if following is not None and following.is_mark:
            parcel.missed += following.missed
            joined.append(following)
        if preceding is not None and preceding.is_mark:
            preceding.missed += parcel.missed
            joined.append(parcel)
        elif self._notice is None:
            joined.append(parcel)
        else:
            sender.size = parcel.held_bytes = NOTICE_BYTES
        # All of them at once: when one leaves the line, the outbox may let in those that are left.
        self.outlet.outbox.leave_line(*map(self._senders.pop, joined))

    def _neighbours_of(self, parcel: Parcel) -> tuple[Parcel | None, Parcel | None]:
        parcels = list(self._senders)
        place = parcels.index(parcel)
        return (parcels[place - 1] if place else None), next(iter(parcels[place + 1 :]), None)
