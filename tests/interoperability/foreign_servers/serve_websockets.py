"""websockets on asyncio."""

from __future__ import annotations

import asyncio

import conduct
from websockets.asyncio.server import serve
from websockets_handling import SETTINGS, handle


async def handle_on_asyncio(connection):
    async def ping():
        await (await connection.ping("are you there?"))

    await handle(connection, close=connection.close, ping=ping, sleep=asyncio.sleep)


async def main():
    server = await serve(handle_on_asyncio, sock=conduct.listening_socket(), **SETTINGS)
    await server.serve_forever()


asyncio.run(main())
