"""websockets on asyncio or uvloop, with its own `broadcast`."""

from __future__ import annotations

import command_line
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

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
                broadcast(members, message)
    except ConnectionClosed:
        pass
    finally:
        members.discard(connection)


async def main() -> None:
    async with serve(
        handle,
        command_line.HOST,
        settings.port,
        ssl=settings.ssl_context(),
        compression="deflate" if settings.deflates else None,
        ping_interval=None,
        max_size=command_line.MESSAGE_BYTES,
    ) as server:
        await server.serve_forever()


command_line.run_on_loop(settings, main())
