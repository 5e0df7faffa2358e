"""websockets on asyncio."""

from __future__ import annotations

import asyncio

import conduct
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


async def handle(connection):
    if connection.request.path == "/closes":
        await conduct.report_closes(connection.send, asyncio.sleep)
    try:
        async for message in connection:
            match conduct.order(message):
                case ["close", code, reason]:
                    await connection.close(int(code), reason)
                case ["fragment"]:
                    await connection.send(conduct.FRAGMENTS)
                case ["ping"]:
                    await (await connection.ping("are you there?"))
                    await connection.send("pong")
                case _:
                    await connection.send(message)
    except ConnectionClosed:
        pass
    if connection.protocol.close_rcvd is not None:
        conduct.closes.append(connection.close_code)


def refuse(connection, request):
    return connection.respond(403, conduct.REFUSAL) if request.path == "/refuse" else None


async def main():
    server = await serve(
        handle,
        sock=conduct.listening_socket(),
        ssl=conduct.ssl_context(),
        select_subprotocol=lambda _, offered: conduct.chosen(offered),
        process_request=refuse,
        max_size=conduct.MESSAGE_BYTES,
    )
    await server.serve_forever()


asyncio.run(main())
