"""The block during which a WebSocket is in a room.

Entering takes three steps, and their order is what joining guarantees:

1. A checkpoint. It is the only step that can be cancelled, and until then nobody has joined.
2. `require_open` accepts the handshake, so a member always has a wire that can encode messages. It
   raises if the connection has ended, and then nobody has joined.
3. `put_in` adds the member to the room.

Nothing waits after the first step. So a handler whose handshake is accepted here gets every message
that is published after its 101 response.

Leaving never waits, so it needs no shield: a cancelled handler leaves the room like any other.
Messages already in the outbox are still sent. The end of a connection does not remove its member.
It seals the outbox, so the member gets nothing more, but it stays in the room until the handler
leaves the block.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import trio

from trioweb._web.websocket import WebSocket
from trioweb._websocket.parts_of import require_open
from trioweb.errors import LocalProtocolError
from trioweb.rooms.member import Member
from trioweb.rooms.member_delivery import MemberDelivery


def check_member(ws: object) -> None:
    """Let only a server's WebSockets into a room.

    A room encodes a message once for all its members. Each frame of a client has a mask of its own
    (RFC 6455 §5.3), so that nothing could be shared with it.

    Raises:
        LocalProtocolError: `ws` is something else.
    """
    if not isinstance(ws, WebSocket):
        raise LocalProtocolError(
            f"a {type(ws).__name__} cannot join a room, only the WebSocket of a handler. To pass the room's messages "
            "on: `async for message in room.subscribe(): await ws.send(message)`"
        )


class Joining:
    """The result of `room.join`: an `async with` block that adds a WebSocket to the room and removes it.

    The room passes in two of its methods rather than itself, so that this module does not import
    `room.py`, which imports this one. Being bound methods, they keep the room alive during the block.

    Args:
        name: The room's name, for the warning.
        delivery: The way in which messages reach the member.
        put_in: Adds the member to the room.
        leave: Removes it.
    """

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
        # Like Python's warning for a coroutine that was never awaited. A forgotten `async with` would
        # otherwise go unnoticed: the handler runs, and its peer never gets a message of the room.
        if not self._is_entered:
            warnings.warn(
                f"join() of the room {self._name!r} was never entered, so nobody has joined: "
                "write `async with room.join(ws):`",
                RuntimeWarning,
                stacklevel=2,
                source=self,
            )
