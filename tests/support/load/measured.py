"""The server of `measured_server.py` while it runs, asked from a test."""

from __future__ import annotations

import json
import socket
from contextlib import AsyncExitStack, asynccontextmanager

import trio
from support.program import ROOT, Program

from trioweb.testing import RawPeer

SMALL_BUFFER_BYTES = 4096


class Measured:
    def __init__(self, port, secure_port, stack):
        self.port = port
        self.secure_port = secure_port
        self._stack = stack

    async def connect(self, path, *, stops_reading_early=False):
        """A peer after its handshake; for one that will not read, the kernel buffers little."""
        plain = trio.socket.socket()
        if stops_reading_early:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
        await plain.connect(("127.0.0.1", self.port))
        peer = RawPeer(await self._stack.enter_async_context(trio.SocketStream(plain)))
        await peer.open(path)
        return peer

    async def start(self):
        self._facts = await self.connect("/facts")
        self._publisher = await self.connect("/publish")
        return self

    async def facts(self):
        await self._facts.send_text("?")
        return json.loads(await self._facts.receive_text())

    async def publish(self, room, count, message_bytes):
        await self._publisher.send_text(f"{room} {count} {message_bytes}")
        assert await self._publisher.receive_text() == "published"


def program(module, *arguments):
    """A module of the tests in a process of its own."""
    return Program("-m", module, *arguments, cwd=ROOT / "tests")


@asynccontextmanager
async def measured_server():
    with program("support.load.measured_server") as server:
        secure_port = int(server.wait_for(r"secure (\d+)")[1])
        port = int(server.wait_for_url().rpartition(":")[2])
        async with AsyncExitStack() as stack:
            yield await Measured(port, secure_port, stack).start()
