"""A sign of life for pages, which see no pings: to them, a silent connection is a dead one."""

from __future__ import annotations

import trio

from trioweb import WebSocket

BEAT_SECONDS = 5
ALIVE = '{"type": "alive"}'  # `stayConnected` in `pages/shared/page.js` swallows it


async def say_alive(ws: WebSocket) -> None:
    """Send a message every few seconds; a task of `ws.nursery`, so it ends with the connection."""
    while True:
        await trio.sleep(BEAT_SECONDS)
        await ws.send(ALIVE)
