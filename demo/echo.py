"""Echo: every message comes back, text as text and bytes as bytes.

Try it with `python demo/echo.py --port 8000`.
"""

from __future__ import annotations

from trioweb import App, Deflate, Limits, Request, Text, WebSocket

from parts.page import add_page, serve_alone

app = App()
add_page(app, "echo")


# A WebSocket is one async function. The loop ends when the peer closes. Returning closes with
# 1000, an exception with 1011. The framework answers pings and joins fragments. When the peer
# reads slowly, `send` waits, so nothing piles up.
#
# A route may have its own limits, here for messages of up to 32 MiB, and compression. The page's
# own address accepts WebSockets too, for tools that are given no path.
LIMITS = Limits(message_bytes=32 * 1024 * 1024)


@app.websocket("/", limits=LIMITS, compression=Deflate())
@app.websocket("/ws", limits=LIMITS, compression=Deflate())
async def echo(ws: WebSocket) -> None:
    async for message in ws:  # str or bytes
        await ws.send(message)


# The same in JSON. Each connection has its own handler, and all of them run side by side.
@app.websocket("/json")
async def wrap(ws: WebSocket) -> None:
    async for message in ws:
        text = message if isinstance(message, str) else message.decode(errors="replace")
        await ws.send_json({"message": text})


# Plain HTTP is on the same port. A GET for /ws gets 426, Upgrade Required.
@app.get("/hello")
async def hello(request: Request) -> Text:
    return Text("Hello over plain HTTP.\n")


if __name__ == "__main__":
    serve_alone(app)
