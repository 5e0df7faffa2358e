"""A line between two streams that passes an exact number of bytes in one direction, and then fails.

In memory, so that a session can be cut at each of its bytes in turn. `CuttingRelay` does the same to
real sockets.
"""

from __future__ import annotations

import trio

WAYS = ("reset", "end", "stall")
"""How a line fails: both sides get an error; the bytes after the cut and their end are all that is missing;
or nothing arrives on either side any more, and nobody is told."""


class CutLine:
    """Two ends of a line: `client` and `server`.

    Args:
        direction: `"up"` counts the client's bytes, `"down"` the server's; `None` never fails.
        count: How many of them get through.
        way: One of `WAYS`.
    """

    def __init__(self, direction=None, count=0, way="end"):
        self.client, self.server = End(self), End(self)
        self.client.other, self.server.other = self.server, self.client
        self.passed = {"up": 0, "down": 0}
        self._direction, self._count, self._way = direction, count, way
        self.is_cut = False
        self._cut_if_due()

    def carry(self, sender, data):
        """Take bytes that one end sends."""
        direction = "up" if sender is self.client else "down"
        if direction == self._direction:
            data = data[: self._count - self.passed[direction]]
        elif self.is_cut and self._way == "stall":
            data = b""
        self.passed[direction] += len(data)
        sender.other.arrive(data)
        self._cut_if_due()

    def end(self, sender):
        """Take the end of what one end sends."""
        if not (self.is_cut and self._way == "stall"):
            sender.other.arrive(b"", is_end=True)

    def _cut_if_due(self):
        if self._direction is None or self.is_cut or self.passed[self._direction] < self._count:
            return
        self.is_cut = True
        if self._way == "reset":
            self.client.reset()
            self.server.reset()
        elif self._way == "end":
            (self.server if self._direction == "up" else self.client).arrive(b"", is_end=True)


class End(trio.abc.Stream):
    """One end; it takes whatever is sent at once, as a socket with a large buffer does."""

    def __init__(self, line):
        self.line = line
        self.other = None
        self.is_closed = False
        self._waiting = b""
        self._has_ended = self._is_reset = False
        self._arrived = trio.lowlevel.ParkingLot()

    def arrive(self, data, *, is_end=False):
        if not self._has_ended:
            self._waiting += data
            self._has_ended = is_end
            self._arrived.unpark_all()

    def reset(self):
        self._is_reset = True
        self._arrived.unpark_all()

    async def send_all(self, data):
        await trio.lowlevel.checkpoint()
        self._check()
        if self.other.is_closed and not self.line.is_cut:
            raise trio.BrokenResourceError("the other end is closed")
        self.line.carry(self, bytes(data))

    async def wait_send_all_might_not_block(self):
        await trio.lowlevel.checkpoint()
        self._check()

    async def receive_some(self, max_bytes=None):
        await trio.lowlevel.checkpoint()
        while not self._waiting and not self._has_ended:
            self._check()
            await self._arrived.park()
        self._check()
        size = max_bytes or 65_536
        data, self._waiting = self._waiting[:size], self._waiting[size:]
        return data

    async def aclose(self):
        if not self.is_closed:
            self.is_closed = True
            self._arrived.unpark_all()
            self.line.end(self)
        await trio.lowlevel.checkpoint()

    def _check(self):
        if self.is_closed:
            raise trio.ClosedResourceError("this end is closed")
        if self._is_reset:
            raise trio.BrokenResourceError("the line was reset")
