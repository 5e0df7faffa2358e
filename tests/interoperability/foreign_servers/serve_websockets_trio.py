"""websockets on Trio."""

from __future__ import annotations

import conduct
import trio
from websockets.trio.server import serve
from websockets_handling import SETTINGS, handle


async def handle_on_trio(connection):
    async def ping():
        await (await connection.ping("are you there?")).wait()

    await handle(connection, close=connection.aclose, ping=ping, sleep=trio.sleep)


async def main():
    listener = trio.SocketListener(trio.socket.from_stdlib_socket(conduct.listening_socket()))
    await serve(handle_on_trio, listeners=[listener], **SETTINGS)


trio.run(main)
