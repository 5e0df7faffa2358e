"""A member of a room whose peer reads only when the test does."""

from __future__ import annotations

import pytest
import trio.testing
from support.serving import in_memory
from support.waiting import settled

from trioweb import App, Config, Limits, OutboxFull
from trioweb.testing import TEXT

BLOCK = b"x" * 100_000


class Slow:
    """An app with one room, which the WebSocket at / joins until its peer sends something."""

    def __init__(self, compression=None, **joining):
        self.app = App(Config(limits=Limits(outbox_messages=4), compression=compression))
        self.room = self.app.room("lobby")
        self.joining = joining
        self.app.websocket("/")(self.handler)
        self.members = []

    async def handler(self, ws):
        self.ws = ws
        async with self.room.join(ws, **self.joining) as member:
            self.members.append(member)
            await ws.receive()

    def serve(self):
        return in_memory(self.app, pair=trio.testing.lockstep_stream_pair)

    async def stuff(self):
        """Fill the outbox with messages that no policy may drop, after a write that has begun."""
        for _ in range(2):
            with pytest.raises(OutboxFull):
                while True:
                    self.ws.send_nowait(BLOCK)
            await settled()


async def texts_until(peer, last):
    """Read up to the text `last`, and return all texts; binary messages are skipped."""
    texts = []
    while not texts or texts[-1] != last:
        got = await peer.receive_frame()
        if got.opcode == TEXT:
            texts.append(got.payload.decode())
        await settled()
    return texts
