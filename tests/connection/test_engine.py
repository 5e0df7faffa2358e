"""Where there is no epoll, a reader task for each connection does the pump's work."""

from __future__ import annotations

import pytest
from support.peer import connected, frame
from support.serving import running
from support.waiting import until

from trioweb import App, Config, Limits
from trioweb._connection.pump import Pump


@pytest.fixture
def without_epoll(monkeypatch):
    monkeypatch.setattr(Pump, "is_available", staticmethod(lambda: False))


async def test_without_epoll_a_server_does_the_same(without_epoll):
    app = App(Config(limits=Limits(inbox_messages=2)))

    @app.websocket("/")
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    @app.get("/")
    async def index(request):
        return "hello"

    async with running(app) as server:
        async with connected(server) as peer:
            await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await peer.receive_response())[1] == b"hello"
            await peer.open()
            await peer.send(frame(1, b"x") * 100)
            assert [await peer.receive_text() for _ in range(100)] == ["x"] * 100
            await peer.send_binary(b"y" * 900_000)
            assert await peer.receive_binary() == b"y" * 900_000
            assert await peer.close() == (1000, "")
        async with connected(server) as peer:
            await peer.open()
        await until(lambda: server.connections == 0)
        assert server.statistics().close_codes == {1000: 1, 1006: 1}
