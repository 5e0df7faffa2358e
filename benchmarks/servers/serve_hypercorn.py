"""Starlette on Hypercorn's Trio worker."""

from __future__ import annotations

from functools import partial

import command_line
import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

members: set[WebSocket] = set()


async def echo(ws: WebSocket) -> None:
    await ws.accept()
    while (message := await ws.receive())["type"] == "websocket.receive":
        await ws.send({"type": "websocket.send", "bytes": message.get("bytes"), "text": message.get("text")})


async def publish(ws: WebSocket) -> None:
    await ws.accept()
    members.add(ws)
    try:
        async for message in ws.iter_bytes():
            for member in list(members):
                await member.send_bytes(message)
    except WebSocketDisconnect:
        pass
    finally:
        members.discard(ws)


settings = command_line.read_settings()
config = Config()
config.bind = [f"{command_line.HOST}:{settings.port}"]
config.certfile, config.keyfile = settings.certificate, settings.key
config.websocket_max_message_size = command_line.MESSAGE_BYTES
app = Starlette(routes=[WebSocketRoute("/echo", echo), WebSocketRoute("/room", publish)])
trio.run(partial(serve, app, config, shutdown_trigger=trio.sleep_forever))
