"""The browser's WebSocket: what its page tries, one property, event and method after the other.

Try it with `python demo/browser_api.py --port 8000`, or over TLS, for `wss`, with
`python demo/browser_api.py --certfile cert.pem --keyfile key.pem`.
"""

from __future__ import annotations

import json

import trio

from trioweb import App, CloseWebSocket, Deflate, HTTPError, WebSocket

from parts.page import add_page, serve_alone

app = App()
add_page(app, "browser_api")


# The page offers subprotocols; the route names those it speaks, the most welcome first. A
# page that offers none of them gets a connection without one, and may give up by itself.
@app.websocket("/echo", subprotocols=("news", "chat"))
async def echo(ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


# Compression is an extension (RFC 7692) that is agreed on in the handshake: `extensions` shows it.
@app.websocket("/compressed", compression=Deflate())
async def compressed(ws: WebSocket) -> None:
    await echo(ws)


# Nothing is read for half a second, so what the page sends waits in the page: its
# `bufferedAmount` rises, and falls again. The server holds one inbox full, never more.
@app.websocket("/late")
async def read_late(ws: WebSocket) -> None:
    await ws.accept()
    await trio.sleep(0.5)
    received = 0
    async for message in ws:
        received += len(message)
        if message == "that was all":
            await ws.send_json({"received": received - len(message)})


# A server may close with any code that may be sent, the application's own from 4000.
@app.websocket("/close/{code:int}")
async def close(ws: WebSocket, code: int) -> None:
    await ws.accept()
    raise CloseWebSocket(code, ws.request.query.get("reason", ""))


# An exception before the handshake is accepted is an HTTP answer to it. All that the page
# is told is "error" and 1006: the browser keeps the status to itself.
@app.websocket("/refused")
async def refuse(ws: WebSocket) -> None:
    raise HTTPError(403, "Not here.")


# How the page closed a connection only its server can say. It tells those in the room of that name.
@app.websocket("/watched/{name}")
async def watched(ws: WebSocket, name: str) -> None:
    await ws.accept()
    closed = await ws.wait_closed()
    await app.room(name).publish(json.dumps({"code": closed.code, "reason": closed.reason}))


@app.websocket("/watching/{name}")
async def watch(ws: WebSocket, name: str) -> None:
    async with app.room(name).join(ws):
        await ws.send("watching")
        async for _ in ws:
            pass


if __name__ == "__main__":
    serve_alone(app)
