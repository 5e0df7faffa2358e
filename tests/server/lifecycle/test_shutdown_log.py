"""How a shutdown divides its time, and what the log says of it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
import trio.testing
from support.serving import connected, quick, running

import trioweb
from trioweb import App


async def start(nursery, app, **options):
    return await nursery.start(partial(trioweb.serve, app, port=0, **options))


async def test_the_lifespan_has_a_part_of_the_drain_that_connections_cannot_take(autojump_clock, caplog):
    order = []

    @asynccontextmanager
    async def lifespan(nursery):
        yield
        await trio.sleep(0.9)
        order.append(("lifespan", trio.current_time() - started))

    app = App(quick(drain_seconds=4), lifespan=lifespan)
    begun = trio.Event()

    @app.get("/")
    async def never(request):
        begun.set()
        try:
            await trio.sleep_forever()
        finally:
            order.append(("handler", trio.current_time() - started))

    async with trio.open_nursery() as nursery:
        server = await start(nursery, app)
        async with connected(server) as peer:
            await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await begun.wait()
            started = trio.current_time()
            await server.aclose()
    assert order == [("handler", pytest.approx(3)), ("lifespan", pytest.approx(3.9))]
    assert (
        "dropping the connections that are left, and cancelling their handlers, 3.0 s after the shutdown began"
        " (Timeouts.drain_seconds): connections 1, of them WebSockets 0"
    ) in caplog.text


async def test_the_log_says_that_a_shielded_handler_is_being_waited_for(autojump_clock, caplog):
    app = App(quick(drain_seconds=4))

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        with trio.CancelScope(shield=True):
            await trio.sleep(10)

    async with trio.open_nursery() as nursery:
        server = await start(nursery, app)
        async with connected(server) as peer:
            await peer.open()
            await server.aclose()
    assert (
        "still waiting for handlers that shield themselves, 4.0 s after the shutdown began"
        " (Timeouts.drain_seconds): connections 1, of them WebSockets 1"
    ) in caplog.text


async def test_the_log_does_not_blame_a_setting_for_an_abort(caplog):
    app = App()

    @app.websocket("/")
    async def handler(ws):
        await ws.receive()

    async with running(app) as server, connected(server) as peer:
        await peer.open()
        server.abort()
        await server.wait_closed()
    assert "(an abort): connections 1, of them WebSockets 1" in caplog.text
