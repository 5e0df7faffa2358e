"""uvicorn with a bare ASGI application, so that no framework is measured along with it."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import command_line
import uvicorn

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

members: set[Send] = set()


async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    if scope["path"] == "/echo":
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "bytes": message.get("bytes"), "text": message.get("text")})
        return
    members.add(send)
    try:
        while (message := await receive())["type"] == "websocket.receive":
            for send_to_member in list(members):
                await send_to_member({"type": "websocket.send", "bytes": message["bytes"]})
    finally:
        members.discard(send)


if __name__ == "__main__":
    protocol = sys.argv.pop(1)
    settings = command_line.read_settings()
    uvicorn.run(
        app,
        host=command_line.HOST,
        port=settings.port,
        loop=settings.loop,
        ws=protocol,
        ws_max_size=command_line.MESSAGE_BYTES,
        ws_ping_interval=None,
        ws_per_message_deflate=settings.deflates,
        lifespan="off",
        log_level="warning",
        access_log=False,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
    )
