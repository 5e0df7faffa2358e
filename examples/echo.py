"""Echo: every message comes back, text as text and bytes as bytes.

$ trioweb run examples/echo.py
$ python -m websockets ws://127.0.0.1:8000/echo
"""

from trioweb import App, WebSocket

app = App()


@app.websocket("/echo")
async def echo(ws: WebSocket) -> None:
    async for message in ws:  # ends when the client closes; returning then closes with 1000
        await ws.send(message)  # waits while the client reads slowly, so nothing piles up
