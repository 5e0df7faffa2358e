"""websockets on Trio."""

from __future__ import annotations

import conduct
import trio
from websockets.exceptions import ConnectionClosed
from websockets.trio.server import serve


async def handle(connection):
    if connection.request.path == "/closes":
        await conduct.report_closes(connection.send, trio.sleep)
    try:
        async for message in connection:
            match conduct.order(message):
                case ["close", code, reason]:
                    await connection.aclose(int(code), reason)
                case ["fragment"]:
                    await connection.send(conduct.FRAGMENTS)
                case ["ping"]:
                    await (await connection.ping("are you there?")).wait()
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
    listener = trio.SocketListener(trio.socket.from_stdlib_socket(conduct.listening_socket()))
    await serve(
        handle,
        listeners=[listener],
        ssl=conduct.ssl_context(),
        select_subprotocol=lambda _, offered: conduct.chosen(offered),
        process_request=refuse,
        max_size=conduct.MESSAGE_BYTES,
    )


trio.run(main)
