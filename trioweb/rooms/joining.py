"""The block during which a WebSocket is in a room."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import trio

from trioweb._websocket.connection import require_open
from trioweb.rooms.member import Member
from trioweb.rooms.member_delivery import MemberDelivery


class Joining:
    """What `room.join` returns: `async with` puts the WebSocket in and takes it out again."""

    __slots__ = ("_delivery", "_is_entered", "_leave", "_name", "_put_in")

    def __init__(
        self,
        name: str,
        delivery: MemberDelivery,
        *,
        put_in: Callable[[MemberDelivery], None],
        leave: Callable[[MemberDelivery], None],
    ) -> None:
        self._name = name
        self._delivery = delivery
        self._put_in = put_in
        self._leave = leave
        self._is_entered = False

    async def __aenter__(self) -> Member:
        if self._is_entered:
            raise RuntimeError("this join() has been entered before: call room.join(ws) for each block")
        self._is_entered = True
        await trio.lowlevel.checkpoint()
        require_open(self._delivery.connection)
        self._put_in(self._delivery)
        return Member(self._delivery)

    async def __aexit__(self, *_: object) -> None:
        self._leave(self._delivery)

    def __del__(self) -> None:
        # Like Python's warning for a coroutine that was never awaited: without it, nothing would happen.
        if not self._is_entered:
            warnings.warn(
                f"join() of the room {self._name!r} was never entered, so nobody has joined: "
                "write `async with room.join(ws):`",
                RuntimeWarning,
                stacklevel=2,
                source=self,
            )
