"""websockets on Trio, with its own `broadcast`."""

from __future__ import annotations

from functools import partial

import command_line
import trio
from websockets.exceptions import ConnectionClosed
from websockets.trio.server import ServerConnection, broadcast, serve

settings = command_line.read_settings()
members: set[ServerConnection] = set()


async def handle(connection: ServerConnection) -> None:
    assert connection.request is not None
    try:
        if connection.request.path == "/echo":
            async for message in connection:
                await connection.send(message)
        else:
            members.add(connection)
            async for message in connection:
                await broadcast(members, message)
    except ConnectionClosed:
        pass
    finally:
        members.discard(connection)


trio.run(
    partial(
        serve,
        handle,
        settings.port,
        host=command_line.HOST,
        ssl=settings.ssl_context(),
        compression="deflate" if settings.deflates else None,
        ping_interval=None,
        max_size=command_line.MESSAGE_BYTES,
    )
)
