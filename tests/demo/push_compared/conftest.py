"""The push comparison with a feed that ticks when the test says so."""

from __future__ import annotations

import pytest
import trio

from trioweb.testing import open_client, open_server


@pytest.fixture
def module(example):
    return example("push_compared")


@pytest.fixture
def feed(module):
    """Yield the feed, which ticks when the test says so."""
    module.feed.run = trio.sleep_forever
    return module.feed


@pytest.fixture
async def client(module, feed):
    async with open_client(module.app) as client:
        yield client


@pytest.fixture
async def server(module, feed):
    """The program on a real port, where every byte can be counted."""
    async with open_server(module.app) as server:
        yield server


class Line:
    """A bare socket that counts."""

    def __init__(self, stream):
        self.stream = stream
        self.sent = self.received = 0
        self.data = b""

    async def send(self, data):
        await self.stream.send_all(data)
        self.sent += len(data)

    async def receive_until(self, pattern):
        while pattern not in self.data:
            data = await self.stream.receive_some()
            assert data, f"the end came before {pattern!r}: {self.data!r}"
            self.received += len(data)
            self.data += data
        data, self.data = self.data, b""
        return data

    async def ask(self, path, *more):
        fields = ["Host: here", "User-Agent: a browser, and many words about it", *more]
        await self.send("\r\n".join([f"GET {path} HTTP/1.1", *fields, "", ""]).encode())


@pytest.fixture
async def line(server):
    async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        yield Line(stream)
