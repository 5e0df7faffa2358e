"""aiohttp."""

from __future__ import annotations

import asyncio

import conduct
from aiohttp import WSMsgType, web


async def echo(request):
    ws = web.WebSocketResponse(protocols=[conduct.SUBPROTOCOL], max_msg_size=conduct.MESSAGE_BYTES)
    await ws.prepare(request)
    async for message in ws:
        match conduct.order(message.data):
            case ["close", code, reason]:
                await ws.close(code=int(code), message=reason.encode())
            case _ if message.type is WSMsgType.TEXT:
                await ws.send_str(message.data)
            case _:
                await ws.send_bytes(message.data)
    conduct.closes.append(ws.close_code)
    return ws


async def closes(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    reporting = asyncio.create_task(conduct.report_closes(ws.send_str, asyncio.sleep))
    await ws.receive()  # without it, aiohttp would not answer the client's close frame
    reporting.cancel()
    return ws


async def refuse(request):
    return web.Response(status=403, text=conduct.REFUSAL)


async def main():
    app = web.Application()
    app.add_routes([web.get("/echo", echo), web.get("/closes", closes), web.get("/refuse", refuse)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.SockSite(runner, conduct.listening_socket(), ssl_context=conduct.ssl_context()).start()
    await asyncio.Event().wait()


asyncio.run(main())
