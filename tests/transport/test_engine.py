"""Without epoll and kqueue, a reader task for each connection does the work of the pump."""

from __future__ import annotations

from support.links.kernel_queue import Event, Queue
from support.serving import connected, running
from support.waiting import until

from trioweb import App, Config, Limits
from trioweb._transport.poller import KqueuePoller
from trioweb.testing import frame


async def serve_and_ask():
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


async def test_a_server_works_the_same_without_a_poller(monkeypatch):
    monkeypatch.setattr("trioweb._transport.engine.open_poller", lambda: None)
    await serve_and_ask()


async def test_a_server_works_the_same_with_the_rules_of_kqueue(monkeypatch):
    monkeypatch.setattr("trioweb._transport.engine.open_poller", lambda: KqueuePoller(Queue(), Event))
    await serve_and_ask()
