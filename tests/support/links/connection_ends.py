"""Both ends of a WebSocket, for the tests that take it through the table of states."""

from __future__ import annotations

from contextlib import suppress

import trio


class ConnectionEnds:
    """Both ends of a WebSocket over streams that take only what the other side reads."""

    def __init__(self, ws, peer, nursery):
        self.ws, self.peer, self.nursery = ws, peer, nursery

    @property
    def state(self):
        return self.ws._closing.state

    def say(self, data):
        async def send():
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await self.peer.send(data)

        self.nursery.start_soon(send)
