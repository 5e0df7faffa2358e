"""What websockets' servers do alike, on asyncio and on Trio."""

from __future__ import annotations

import conduct
from websockets.exceptions import ConnectionClosed

SETTINGS = {
    "ssl": conduct.ssl_context(),
    "select_subprotocol": lambda _, offered: conduct.chosen(offered),
    "process_request": lambda connection, request: (
        connection.respond(403, conduct.REFUSAL) if request.path == "/refuse" else None
    ),
    "max_size": conduct.MESSAGE_BYTES,
}


async def handle(connection, *, close, ping, sleep):
    """Obey the client; `close` and `ping` are methods of the connection that the two servers name differently."""
    if connection.request.path == "/closes":
        await conduct.report_closes(connection.send, sleep)
    try:
        async for message in connection:
            match conduct.order(message):
                case ["close", code, reason]:
                    await close(int(code), reason)
                case ["fragment"]:
                    await connection.send(conduct.FRAGMENTS)
                case ["ping"]:
                    await ping()
                    await connection.send("pong")
                case _:
                    await connection.send(message)
    except ConnectionClosed:
        pass
    if connection.protocol.close_rcvd is not None:
        conduct.closes.append(connection.close_code)
