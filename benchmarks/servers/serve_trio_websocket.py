"""trio-websocket, which has neither compression nor a way to broadcast."""

from __future__ import annotations

from functools import partial

import command_line
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

settings = command_line.read_settings()
members: set[WebSocketConnection] = set()


async def handle(request: WebSocketRequest) -> None:
    ws = await request.accept()
    try:
        if request.path == "/echo":
            while True:
                await ws.send_message(await ws.get_message())
        members.add(ws)
        while True:
            message = await ws.get_message()
            for member in list(members):
                await member.send_message(message)
    except ConnectionClosed:
        pass
    finally:
        members.discard(ws)


trio.run(
    partial(
        serve_websocket,
        handle,
        command_line.HOST,
        settings.port,
        settings.ssl_context(),
        max_message_size=command_line.MESSAGE_BYTES,
    )
)
