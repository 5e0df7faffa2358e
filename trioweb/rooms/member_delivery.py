"""How the messages of a room get to one member.

A publisher never waits in `deliver`. It offers each message to the member's outbox. If there is no
room, the member's policy decides. Each policy is a class, because the policies have little in common
after the offer:

| policy | class | a message that finds no room |
|---|---|---|
| `CLOSE` | `ClosingDelivery` | closes the member |
| `DROP_NEWEST` | `NewestDropped` | is missed |
| `DROP_OLDEST` | `OldestDropped` | takes the place of older ones, which are missed |
| `LATEST` | `LatestKept` | the same, but first replaces a waiting one with its key, even if there is room |
| `WAIT` | `LinedUp` | waits in the line before the outbox, and its publisher with it |

A *gap* is a run of messages that the member has missed. If the member wants a notice, it is sent in
the place of the missing messages. There are two ways, depending on whether the dropped message is
in the queue:

- A dropped parcel can stay in the queue as the *mark* of the gap. It becomes the notice only when it
  leaves, so until then it can count more missed messages.
- A new message that is dropped was never queued, so nothing can be marked. `_unannounced` counts
  these messages. The notice goes before the next message that fits, or is sent alone once the outbox
  is empty, because the room may never publish again.

Members refer to their connection, never to the room, so a `Member` that a program keeps after the
block does not keep the room alive.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from typing import ClassVar

from trioweb._web.websocket import WebSocket
from trioweb._websocket.parts_of import outlet_of
from trioweb._websocket.publication import Publication
from trioweb._wire.websocket import WebSocketWire
from trioweb.rooms.overflow import Overflow
from trioweb.rooms.parcel import Parcel, notice_of


class MemberDelivery(ABC):
    """Delivers the messages of a room to one member.

    Attributes:
        connection: The WebSocket.
        outlet: The outlet through which its messages are written.
        overflow: The policy when its outbox is full.
        missed: How many of the room's messages it was not sent, including replaced ones.
        is_undisturbed: Whether the next message needs only room in the outbox: the member has
            not left, has no gap to announce, and its policy drops no queued messages. The room
            asks this first, which saves a call of `deliver` for most members.
    """

    __slots__ = (
        "_has_left",
        "_notice",
        "_unannounced",
        "connection",
        "is_undisturbed",
        "missed",
        "outlet",
        "overflow",
    )

    may_always_offer: ClassVar[bool] = True
    """Whether a message may be queued as a frame while others wait. A queued frame cannot be dropped."""

    def __init__(
        self,
        connection: WebSocket,
        overflow: Overflow,
        missed_notice: Callable[[int], str | bytes] | None,
    ) -> None:
        self.connection = connection
        self.outlet = outlet_of(connection)
        self.overflow = overflow
        self.missed = 0
        self.is_undisturbed = self.may_always_offer
        self._has_left = False
        self._notice = missed_notice
        self._unannounced = 0

    def deliver(self, publication: Publication, key: Hashable) -> Parcel | None:
        """Queue a message without waiting, or return the parcel that the publisher has to wait for."""
        outlet = self.outlet
        if self._has_left or outlet.is_sealed:
            return None
        if not (self.may_always_offer or outlet.is_idle):
            return self._deliver_late(publication, key)
        # After a gap, the notice goes first: `_deliver_late` sends it.
        if self._unannounced or not outlet.offer(publication):
            return self._deliver_late(publication, key)
        return None

    @abstractmethod
    def _deliver_late(self, publication: Publication, key: Hashable) -> Parcel | None:
        """Apply the policy to a message that could not be queued as a frame; returns as `deliver` does."""

    async def wait_for(self, parcel: Parcel) -> None:
        """Wait until a parcel that `deliver` has returned is queued, or never will be."""
        raise NotImplementedError(f"{type(self).__name__} returns no parcel")

    def leave(self) -> None:
        """Stop taking messages, and send no notice any more.

        A publisher may hold this object while it goes through the members, and deliver to it once
        more. `_has_left` makes that delivery do nothing.
        """
        self._has_left = True
        self.is_undisturbed = False
        if self._notice is not None:
            self.outlet.call_no_more(self._announce_gap)

    @property
    def _wire(self) -> WebSocketWire:
        assert self.outlet.wire is not None  # joining has accepted the handshake
        return self.outlet.wire

    # Missed messages.

    def _miss(self) -> None:
        self.missed += 1
        self.outlet.outbox.drops += 1

    def _miss_newest(self) -> None:
        self._unannounced += 1
        self.is_undisturbed = False
        self._miss()
        if self._unannounced == 1:
            self._announce_gap_later()

    def _close_gap(self) -> bool:
        """Send the notice of the messages in `_unannounced`, if one is wanted; `False` if it has no room.

        If no notice is wanted, or making it fails, the gap is closed too, and has only been counted.
        """
        if self._unannounced and self._notice is not None:
            notice = notice_of(self._notice, self._unannounced)
            if notice is not None and not self.outlet.offer(notice):
                return False
        self._unannounced = 0
        self.is_undisturbed = self.may_always_offer and not self._has_left
        return True

    def _announce_gap_later(self) -> None:
        """Have the notice sent once the outbox is empty, in case no message follows the gap."""
        if self._unannounced and self._notice is not None:
            self.outlet.call_when_drained(self._announce_gap)

    def _announce_gap(self) -> None:
        if not (self._has_left or self.outlet.is_sealed or self._close_gap()):
            self._announce_gap_later()
