"""Chat: what one person writes, everybody in the room reads.

$ trioweb run examples/chat.py
Open http://127.0.0.1:8000/ in two windows.
"""

from trioweb import HTML, App, Limits, Overflow, Request, WebSocket

PAGE = """<!doctype html><meta charset="utf-8"><title>Chat</title>
<form><input autofocus autocomplete="off"> <button>Send</button></form><div></div>
<script>
  const ws = new WebSocket("chat/lobby");
  const show = (text) => document.querySelector("div").append(text, document.createElement("br"));
  ws.onmessage = (event) => show(event.data);
  ws.onclose = (event) => show(`Closed: ${event.code} ${event.reason}`);
  document.forms[0].onsubmit = (event) => {
    event.preventDefault();
    ws.send(document.querySelector("input").value);
    event.target.reset();
  };
</script>"""

app = App()


@app.get("/")
async def page(request: Request) -> HTML:
    return HTML(PAGE)


@app.websocket("/chat/{name}", limits=Limits(message_bytes=4096))  # a longer message closes with 1009
async def chat(ws: WebSocket, name: str) -> None:
    room = app.room(name)
    # A slow member loses the oldest lines and is told how many. Nobody waits for it.
    async with room.join(ws, overflow=Overflow.DROP_OLDEST, missed_notice="({} lines missed)".format):
        while True:
            await room.publish(await ws.receive_text())
