"""A program with rooms, as `make lint` has both type checkers see it: strictly.

`assert_type` states the type of each public name; nothing here is run.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, assert_type

import trio

from trioweb import App, Member, Overflow, Request, Room, RoomStatistics, Subscription, WebSocket

app = App()


def present(room: Room) -> set[str]:
    """Return the names of the members of a room: the presence list of the guide."""
    return {ws.state.user for ws in room.members}


def addresses(room: Room) -> list[str]:
    """List the addresses of the members."""
    return [str(ws.request.client) for ws in room.members]


def missed(count: int) -> str:
    """Tell a member of its gap."""
    return f"you missed {count}"


@app.websocket("/{name}")
async def chat(ws: WebSocket, name: str) -> None:
    """Be a member."""
    room = app.room(name, overflow=Overflow.LATEST)
    assert_type(room, Room)
    assert_type(room.members, tuple[WebSocket, ...])
    async with room.join(ws, missed_notice=missed) as member:
        assert_type(member, Member)
        assert_type(member.connection, WebSocket)
        assert_type(member.connection.request, Request)
        assert_type(member.connection.nursery, trio.Nursery)
        assert_type(member.connection.path_params["name"], Any)
        assert_type(member.missed, int)
        async for message in ws:
            await room.publish(message, exclude=member.connection, key=name)
    assert_type(room.statistics(), RoomStatistics)


async def listen(room: Room) -> list[str | bytes]:
    """Be a subscription, by a block and by a loop."""
    with room.subscribe(overflow=Overflow.WAIT) as subscription:
        assert_type(subscription, Subscription)
        first = await anext(subscription)
        assert_type(first, str | bytes)
    return [first, *[message async for message in room.subscribe()]]


async def code_after_the_block_is_reached(ws: WebSocket) -> str:
    """Leave a room and continue: no type checker assumes that the block swallows exceptions."""
    async with app.room("a").join(ws):
        return await ws.receive_text()


async def many_rooms(ws: WebSocket, names: list[str]) -> None:
    """Be in as many rooms as there are names."""
    async with AsyncExitStack() as stack:
        members = [await stack.enter_async_context(app.room(name).join(ws)) for name in names]
        assert_type(members, list[Member])
