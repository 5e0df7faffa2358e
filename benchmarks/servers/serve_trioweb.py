"""trioweb with its defaults, except the size limit, pings and compression, which are the same for all."""

from __future__ import annotations

from functools import partial

import command_line
import trio

import trioweb
from trioweb import App, Config, Deflate, Limits, Timeouts, WebSocket

settings = command_line.read_settings()
app = App(
    Config(
        limits=Limits(message_bytes=command_line.MESSAGE_BYTES),
        timeouts=Timeouts(ping_interval_seconds=None),
        compression=Deflate() if settings.deflates else None,
    )
)
room = app.room("room")


@app.websocket("/echo")
async def echo(ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


@app.websocket("/room")
async def publish(ws: WebSocket) -> None:
    async with room.join(ws):
        async for message in ws:
            await room.publish(message)


trio.run(partial(trioweb.serve, app, command_line.HOST, settings.port, ssl_context=settings.ssl_context()))
