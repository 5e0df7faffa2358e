"""Upload by WebSocket: one message, larger than memory should hold, goes to disk piece by piece.

$ trioweb run examples/upload_websocket.py
Open http://127.0.0.1:8000/ and choose a file.
"""

import secrets

import trio

from trioweb import HTML, App, CloseWebSocket, Request, WebSocket

MOST_BYTES = 1024**3  # of one file; a real program also limits all of them together
PAGE = """<!doctype html><title>Upload</title><input type="file"><script>
  document.querySelector("input").onchange = ({target}) => {
    const ws = new WebSocket("upload");
    ws.onopen = () => ws.send(target.files[0]);
    ws.onmessage = ws.onclose = (event) => document.body.append(event.data ?? event.code, " "); }</script>"""
app = App()


@app.get("/")
async def page(request: Request) -> HTML:
    return HTML(PAGE)


@app.websocket("/upload")
async def upload(ws: WebSocket) -> None:
    part, size = trio.Path(f"upload-{secrets.token_hex(8)}.part"), 0
    try:
        async with await part.open("xb") as file, ws.receive_stream() as pieces:
            async for piece in pieces:  # the client is read no faster than the disk writes
                if isinstance(piece, str) or (size := size + len(piece)) > MOST_BYTES:
                    raise CloseWebSocket(1008, f"expected a binary message of up to {MOST_BYTES} bytes")
                await file.write(piece)
        stored = await part.rename(part.with_suffix(""))
        await ws.send(stored.name)
    finally:  # nothing is left of an upload that broke off
        with trio.move_on_after(5, shield=True):
            await part.unlink(missing_ok=True)
