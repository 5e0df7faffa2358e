"""The policy that makes the publisher wait: `WAIT`.

The message waits in the same line as the member's own `send`, so neither starves the other. The
outbox takes it from the line as soon as there is room, whether or not the publisher's task has run.
That task waits only to learn when this happens.

If the publisher is cancelled first, the member has missed the message. If the member wants a
notice, the parcel stays in line as the mark of a gap, and is merged with the marks directly before
and after it. One gap thus gets one notice, however many publishers have given up. Otherwise the
parcel leaves the line.

Messages that were published after it stay in the line, since their publishers still wait for them.
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
        # In the order of the line. A parcel stays here until it leaves the outbox, not only the line: two
        # marks with a queued message between them would otherwise look like neighbours and be merged.
        self._senders: dict[Parcel, WaitingSender] = {}

    def leave(self) -> None:
        """Stop taking messages, and wake the publishers that wait for this member.

        Their messages leave the line. They are not counted as missed, since the member has left.
        """
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
        if sender is not None:  # otherwise it has been sent already, or the member has left
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
        # In one call: after each, the outbox may let in whatever still waits, and that could be a parcel
        # whose messages another mark has already counted.
        self.outlet.outbox.leave_line(*map(self._senders.pop, joined))

    def _neighbours_of(self, parcel: Parcel) -> tuple[Parcel | None, Parcel | None]:
        parcels = list(self._senders)
        place = parcels.index(parcel)
        return (parcels[place - 1] if place else None), next(iter(parcels[place + 1 :]), None)
