"""What an open connection costs, and what one that has ended leaves behind."""

from __future__ import annotations

import gc
import weakref

import pytest
from support.peer import connected
from support.serving import running
from support.waiting import until

from trioweb import App


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("closes", ["peer", "handler", "nobody"])
async def test_an_ended_connection_leaves_nothing_for_the_collector(no_collector, closes):
    """Cycles would keep its memory until a collection, and make those longer."""
    app, references = App(), []

    @app.websocket("/")
    async def handler(ws):
        references.append(weakref.ref(ws))
        async for message in ws:
            await ws.send(message)
            if closes == "handler":
                return

    async with running(app) as server:
        async with connected(server) as peer:
            await peer.open()
            await peer.send_text("hello")
            assert await peer.receive_text() == "hello"
            if closes == "peer":
                await peer.close()
            elif closes == "handler":
                await peer.receive_close()
        await until(lambda: server.connections == 0)
        assert references[0]() is None
