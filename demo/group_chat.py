"""Group chat: everybody reads what one person writes, and slow readers do not hold up the rest.

Try it with `python demo/group_chat.py --port 8000`.
"""

from __future__ import annotations

import json
from typing import Any

from trioweb import App, Limits, Overflow, WebSocket

from parts.alive import say_alive
from parts.messages import parsed
from parts.names import fault_of
from parts.page import add_page, serve_alone

app = App()
add_page(app, "group_chat")

# A room is a place to publish to. Members join it with a `with` block, so there is no list of
# sockets to keep, and no dead socket in such a list.
lobby = app.room("lobby")
present: dict[WebSocket, str] = {}


# Chat lines are short: the page sends at most 2000 characters, each up to 6 bytes in JSON. A message
# of more than 16 KiB closes its connection with 1009.
@app.websocket("/ws", limits=Limits(message_bytes=16 * 1024))
async def chat(ws: WebSocket) -> None:
    ws.nursery.start_soon(say_alive, ws)
    present[ws] = name = await introduction(ws)
    try:
        # A member with a slow connection loses the oldest lines that wait for it, and is told so
        # where they are missing. The others notice nothing.
        async with lobby.join(ws, overflow=Overflow.DROP_OLDEST, missed_notice=missed):
            await ws.send(line("welcome", name=name, people=list(present.values())))
            await lobby.publish(line("joined", name=name), exclude=ws)
            async for message in ws:
                await obey(ws, name, parsed(message))
    finally:
        del present[ws]
        await lobby.publish(line("left", name=name))


async def introduction(ws: WebSocket) -> str:
    """Wait for a name, and make it unique among those who are present."""
    while True:
        match parsed(await ws.receive()):
            case {"type": "join", "name": str(wanted)}:
                name, number = " ".join(wanted.split()), 1
                if fault := fault_of(name):
                    await ws.send(line("error", text=fault))
                    continue
                while (unique := name if number == 1 else f"{name} {number}") in present.values():
                    number += 1
                return unique
            case _:
                await ws.send(line("error", text='First say {"type": "join", "name": …}.'))


# A message from outside is matched against the known shapes. Anything else gets an error, and the
# conversation goes on. A line with an id is confirmed, since its writer cannot know otherwise
# whether it arrived.
async def obey(ws: WebSocket, name: str, request: Any) -> None:
    match request:
        case {"type": "say", "text": str(text), **rest} if text.strip():
            count = len(lobby) - 1  # everybody but the writer
            await lobby.publish(line("said", name=name, text=text), exclude=ws)
            if "id" in rest:
                await ws.send(line("passed_on", id=rest["id"], count=count))
        case {"type": "who"}:  # from a page that has missed some lines
            await ws.send(line("people", people=list(present.values())))
        case _:
            await ws.send(line("error", text='Expected {"type": "say", "text": …} or {"type": "who"}.'))


def line(kind: str, **fields: object) -> str:
    return json.dumps({"type": kind, **fields})


def missed(count: int) -> str:
    return line("missed", count=count)


if __name__ == "__main__":
    serve_alone(app)
