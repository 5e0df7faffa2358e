"""A sign of life for pages, which see no pings: a line that says nothing at all is a dead one."""

from __future__ import annotations

import trio

from trioweb import WebSocket

BEAT_SECONDS = 5
ALIVE = '{"type": "alive"}'  # `stayConnected` in `pages/shared/page.js` knows it, and keeps it to itself


async def say_alive(ws: WebSocket) -> None:
    """Say something every few seconds: started in `ws.nursery`, it ends with the connection."""
    while True:
        await trio.sleep(BEAT_SECONDS)
        await ws.send(ALIVE)
