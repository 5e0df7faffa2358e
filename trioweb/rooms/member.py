"""The membership that a handler holds."""

from __future__ import annotations

from trioweb._web.websocket import WebSocket
from trioweb.rooms.member_delivery import MemberDelivery
from trioweb.rooms.overflow import Overflow


class Member:
    """The membership that `room.join` gives, with the number of missed messages.

    The room holds the `MemberDelivery`, which has more methods. A handler gets this object instead, so
    `dir(member)` shows only names that the documentation explains.
    """

    __slots__ = ("_delivery",)

    def __init__(self, delivery: MemberDelivery) -> None:
        self._delivery = delivery

    @property
    def connection(self) -> WebSocket:
        """The WebSocket."""
        return self._delivery.connection

    @property
    def overflow(self) -> Overflow:
        """The policy when its outbox is full."""
        return self._delivery.overflow

    @property
    def missed(self) -> int:
        """How many of the room's messages it was not sent, including replaced ones."""
        return self._delivery.missed
