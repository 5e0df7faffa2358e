"""aiohttp on asyncio or uvloop."""

from __future__ import annotations

import asyncio

import command_line
from aiohttp import WSMsgType, web

settings = command_line.read_settings()
members: set[web.WebSocketResponse] = set()


async def accept(request: web.Request) -> web.WebSocketResponse:
    ws = web.WebSocketResponse(compress=settings.deflates, max_msg_size=command_line.MESSAGE_BYTES)
    await ws.prepare(request)
    return ws


async def echo(request: web.Request) -> web.WebSocketResponse:
    ws = await accept(request)
    async for message in ws:
        if message.type is WSMsgType.BINARY:
            await ws.send_bytes(message.data)
        else:
            await ws.send_str(message.data)
    return ws


async def publish(request: web.Request) -> web.WebSocketResponse:
    ws = await accept(request)
    members.add(ws)
    try:
        async for message in ws:
            for member in list(members):
                await member.send_bytes(message.data)
    finally:
        members.discard(ws)
    return ws


async def main() -> None:
    app = web.Application()
    app.router.add_get("/echo", echo)
    app.router.add_get("/room", publish)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, command_line.HOST, settings.port, ssl_context=settings.ssl_context()).start()
    await asyncio.Event().wait()


command_line.run_on_loop(settings, main())
