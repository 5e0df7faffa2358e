"""Accepts connections in memory, as a listening socket accepts those of the network.

The server accepts from it as from any listener that is not a socket. So everything on the way is real: the limits on
connections, the refusals above them, the closing of the listener when a shutdown begins.

A failure of a handler has to be raised at the client's side of the connection on which it happened, and a report has to
say which task of the server serves which client. No part of the server knows about tests. But the task that accepts starts
the task of each connection, and a task inherits the context variables of the one that starts it. So the connection is
left in a variable of the accepting task, and everything that a connection causes finds it there.
"""

from __future__ import annotations

from collections import deque
from contextvars import ContextVar
from functools import partial

import trio

from trioweb._server.listeners import BACKLOG
from trioweb._web.address import Address
from trioweb.testing.memory.stream import BUFFER_BYTES, MemoryPipe, MemoryStream
from trioweb.testing.memory.transcript import Progress, Side, Transcript


class MemoryConnection:
    """A connection between the client of a test and its server.

    Attributes:
        client: The client's side.
        server: The server's side, with the peer that the client claims to be.
        transcript: The last frames and heads that have passed.
        label: Its present use: `"GET /"`, or `"WebSocket /chat"`.
    """

    def __init__(self, peer: Address | None, *, is_encrypted: bool) -> None:
        self.transcript = transcript = Transcript()
        self.label = "a connection"
        up, down = MemoryPipe(BUFFER_BYTES), MemoryPipe(BUFFER_BYTES)
        self.client = MemoryStream(
            down, up, partial(transcript.passed, Side.CLIENT), partial(transcript.ended, Side.CLIENT)
        )
        self.server = MemoryStream(
            up, down, partial(transcript.passed, Side.SERVER), partial(transcript.ended, Side.SERVER)
        )
        self.server.peer = peer
        self.server.is_encrypted = is_encrypted


_served: ContextVar[MemoryConnection | None] = ContextVar("trioweb memory connection", default=None)


def served_connection() -> MemoryConnection | None:
    """Return the connection that the current task of a server serves."""
    return _served.get()


def connection_served_by(task: trio.lowlevel.Task) -> MemoryConnection | None:
    """Return the connection that a task of a server serves."""
    return task.context.get(_served)


class MemoryListener(trio.abc.Listener[MemoryStream]):
    """Gives the server the connections that the client opens.

    Args:
        peer: The address that every client seems to have; `None` for none.
        is_encrypted: Whether the requests' scheme is `"https"`. Nothing is encrypted.
    """

    def __init__(self, peer: Address | None, *, is_encrypted: bool) -> None:
        self._peer = peer
        self._is_encrypted = is_encrypted
        self._waiting: deque[MemoryConnection] = deque()
        self._changed = trio.lowlevel.ParkingLot()
        self._is_closed = False

    def connect(self) -> MemoryConnection:
        """Open a connection, which waits until the server accepts it.

        Raises:
            ConnectionRefusedError: The server does not listen any more, or far too many are waiting.
        """
        if self._is_closed:
            raise ConnectionRefusedError("the server does not listen any more: it has shut down")
        if len(self._waiting) >= BACKLOG:
            raise ConnectionRefusedError(f"{BACKLOG} connections are waiting for the server already")
        connection = MemoryConnection(self._peer, is_encrypted=self._is_encrypted)
        Progress.count += 1
        self._waiting.append(connection)
        self._changed.unpark()
        return connection

    async def accept(self) -> MemoryStream:
        """Wait for the next connection, and return the server's side of it."""
        _served.set(None)  # the task that accepts does not serve
        await trio.lowlevel.checkpoint()
        while not self._waiting:
            if self._is_closed:
                raise trio.ClosedResourceError("the listener is closed")
            await self._changed.park()
        connection = self._waiting.popleft()
        _served.set(connection)
        return connection.server

    async def aclose(self) -> None:
        """Accept no more. A client that waits finds its connection closed."""
        self._is_closed = True
        while self._waiting:
            self._waiting.popleft().server.close()
        self._changed.unpark_all()
        await trio.lowlevel.checkpoint()
