"""The browser's WebSocket: the routes that its page needs to try every property, event and method.

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


# The page offers subprotocols; the route lists those it speaks, in order of preference. If none
# is offered, the connection has none, and the browser may close it.
@app.websocket("/echo", subprotocols=("news", "chat"))
async def echo(ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


# Compression is an extension (RFC 7692), negotiated in the handshake. The page sees it in `extensions`.
@app.websocket("/compressed", compression=Deflate())
async def compressed(ws: WebSocket) -> None:
    await echo(ws)


# For half a second the server reads nothing, so messages wait in the page: `bufferedAmount` rises
# and falls again. The server holds at most one full inbox.
@app.websocket("/late")
async def read_late(ws: WebSocket) -> None:
    await ws.accept()
    await trio.sleep(0.5)
    received = 0
    async for message in ws:
        received += len(message)
        if message == "that was all":
            await ws.send_json({"received": received - len(message)})


# A server may close with any code that is allowed in a close frame. Applications use 4000 to 4999.
@app.websocket("/close/{code:int}")
async def close(ws: WebSocket, code: int) -> None:
    await ws.accept()
    raise CloseWebSocket(code, ws.request.query.get("reason", ""))


# An exception before the handshake is accepted becomes an HTTP response. The page learns only
# "error" and 1006: browsers do not reveal the status.
@app.websocket("/refused")
async def refuse(ws: WebSocket) -> None:
    raise HTTPError(403, "Not here.")


# Only the server knows how the page closed a connection. It tells the room of that name.
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
