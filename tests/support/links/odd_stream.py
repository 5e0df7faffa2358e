"""A stream that breaks where the test wants, and a listener that returns given streams."""

from __future__ import annotations

import trio


class OddStream(trio.abc.Stream):
    """A stream with given input, whose methods raise given exceptions."""

    def __init__(self, *pieces, receive=None, send=None, close=None):
        self.pieces = list(pieces)
        self.errors = {"receive": receive, "send": send, "close": close}
        self.sent = b""
        self.may_send = trio.Event()
        self.is_closed = trio.Event()

    def _raise(self, where):
        if self.errors[where] is not None:
            raise self.errors[where]

    async def receive_some(self, max_bytes=None):
        await trio.lowlevel.checkpoint()
        if self.pieces:
            return self.pieces.pop(0)
        self._raise("receive")
        await self.is_closed.wait()
        return b""

    async def send_all(self, data):
        """Sends when it may, even if it has been closed meanwhile."""
        await self.may_send.wait()
        self._raise("send")
        self.sent += data

    async def wait_send_all_might_not_block(self):
        await self.may_send.wait()

    async def aclose(self):
        self.is_closed.set()
        self._raise("close")
        await trio.lowlevel.checkpoint()


class MemoryListener(trio.abc.Listener[trio.abc.Stream]):
    """Accepts the given streams; exceptions among them are raised."""

    def __init__(self):
        self.put, self._waiting = trio.open_memory_channel(100)

    async def accept(self):
        item = await self._waiting.receive()
        if isinstance(item, Exception):
            raise item
        return item

    async def aclose(self):
        self.put.close()
        await self._waiting.aclose()
