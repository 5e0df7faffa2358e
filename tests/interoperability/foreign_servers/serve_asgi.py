"""An ASGI application on uvicorn or Hypercorn: `python serve_asgi.py SERVER [CERTIFICATE KEY]`."""

from __future__ import annotations

import asyncio
import sys

import conduct
import hypercorn.asyncio
import hypercorn.trio
import sniffio
import trio
import uvicorn


async def app(scope, receive, send):
    if scope["type"] != "websocket":
        raise RuntimeError("there is no lifespan, and there are only WebSockets")
    await receive()
    if scope["path"] == "/refuse":
        headers = [(b"content-type", b"text/plain")]
        await send({"type": "websocket.http.response.start", "status": 403, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": conduct.REFUSAL.encode()})
        return
    await send({"type": "websocket.accept", "subprotocol": conduct.chosen(scope["subprotocols"])})
    if scope["path"] == "/closes":
        sleep = trio.sleep if sniffio.current_async_library() == "trio" else asyncio.sleep
        await conduct.report_closes(lambda text: send({"type": "websocket.send", "text": text}), sleep)
    await echo(receive, send)


async def echo(receive, send):
    while (event := await receive())["type"] == "websocket.receive":
        text, data = event.get("text"), event.get("bytes")
        match conduct.order(text):
            case ["close", code, reason]:
                await send({"type": "websocket.close", "code": int(code), "reason": reason})
            case _:
                await send({"type": "websocket.send"} | ({"bytes": data} if text is None else {"text": text}))
    conduct.closes.append(event["code"])


def on_uvicorn(websockets):
    paths = dict(zip(["ssl_certfile", "ssl_keyfile"], conduct.certificate(), strict=False))
    quiet = {"lifespan": "off", "log_level": "critical"}
    config = uvicorn.Config(app, ws=websockets, ws_max_size=conduct.MESSAGE_BYTES, **quiet, **paths)
    asyncio.run(uvicorn.Server(config).serve(sockets=[conduct.listening_socket()]))


def on_hypercorn(library):
    config = hypercorn.Config()
    config.bind = [f"fd://{conduct.listening_socket().detach()}"]
    config.loglevel = "critical"
    config.websocket_max_message_size = conduct.MESSAGE_BYTES
    if paths := conduct.certificate():
        config.certfile, config.keyfile = paths
    if library == "trio":
        trio.run(hypercorn.trio.serve, app, config)
    else:
        asyncio.run(hypercorn.asyncio.serve(app, config))


server, _, variant = sys.argv[1].partition("-")
{"uvicorn": on_uvicorn, "hypercorn": on_hypercorn}[server](variant)
