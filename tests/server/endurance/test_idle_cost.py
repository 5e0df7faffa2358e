"""The cost of an open connection, and the objects that an ended one leaves behind."""

from __future__ import annotations

import gc
import logging
import weakref

import pytest
import trio
from support.links.carriers import CARRIERS, carried
from support.links.odd_stream import MemoryListener
from support.serving import connected, running
from support.waiting import until
from trio.testing import memory_stream_pair

from trioweb import App, CloseWebSocket, HTTPError, Text
from trioweb.testing import TEXT, RawPeer, close_frame, frame, handshake


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("closes", ["peer", "handler", "nobody"])
async def test_an_ended_connection_leaves_nothing_for_the_collector(no_collector, closes):
    """Cycles would keep memory until a collection, and make collections longer."""
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


@pytest.mark.parametrize("answers", ["raises", "rejects", "bug"])
async def test_a_rejected_handshake_leaves_nothing_for_the_collector(no_collector, caplog, answers):
    caplog.set_level(logging.CRITICAL, "trioweb")  # or the traceback of the bug would hold its frames
    app, references = App(), []

    @app.websocket("/")
    async def handler(ws):
        references.append(weakref.ref(ws))
        if answers == "rejects":
            await ws.reject(Text("no", status=403))
            return
        raise HTTPError(403) if answers == "raises" else KeyError("a bug")

    async with running(app) as server:
        async with connected(server) as peer:
            await peer.send(handshake())
            head = await peer.receive_head()
            assert head.startswith("HTTP/1.1 500" if answers == "bug" else "HTTP/1.1 403")
        await until(lambda: server.connections == 0)
        assert [one for one in references if one() is not None] == []


async def test_members_that_leave_a_busy_room_are_released_at_once(no_collector):
    """Each message is put off for many of the members, and nothing happens after the last."""
    app, references = App(), []

    @app.websocket("/")
    async def handler(ws):
        references.append(weakref.ref(ws))
        room = app.room("busy")
        async with room.join(ws):
            async for message in ws:
                await room.publish(message)

    async def member(server):
        async with connected(server) as peer:
            await peer.open()
            everybody.add(peer)
            await until(lambda: len(everybody) == 20)
            await peer.send(b"".join(frame(TEXT, b"%d" % number) for number in range(20)))
            await peer.send(close_frame(1000))
            await peer.receive_end()

    everybody = set()
    async with running(app) as server:
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(member, server)
        await until(lambda: server.connections == 0)
        assert [one() for one in references if one() is not None] == []


async def test_a_stream_that_has_ended_is_released_before_the_next_begins(no_collector):
    app, listener, references = App(), MemoryListener(), []

    @app.websocket("/")
    async def handler(ws):
        await ws.receive()

    async with running(app, listeners=[listener]) as server:
        ours, theirs = memory_stream_pair()
        references.append(weakref.ref(theirs))
        listener.put.send_nowait(theirs)
        del theirs
        peer = RawPeer(ours)
        await peer.open()
        await peer.close()
        await until(lambda: server.connections == 0)
        assert references[0]() is None


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("ending", ["wish", "bug", "violation", "flood", "vanishing"])
async def test_a_connection_that_ends_badly_leaves_nothing_for_the_collector(
    no_collector, caplog, ending, carrier
):
    caplog.set_level(logging.CRITICAL, "trioweb")  # or the captured record of a bug would hold its frames
    app, references = App(), []

    @app.websocket("/")
    async def handler(ws):
        references.append(weakref.ref(ws))
        await ws.receive()
        if ending == "wish":
            raise CloseWebSocket(4001)
        if ending == "bug":
            raise KeyError("a bug")
        if ending != "flood":
            async for _ in ws:
                pass

    said = {"flood": frame(TEXT, b"x") * 1000, "violation": frame(0x3, b"")}.get(ending, b"")
    async with carried(app, carrier) as (server, stream):
        peer = RawPeer(stream)
        await peer.open()
        await peer.send(frame(TEXT, b"go") + said)
        if ending == "vanishing":
            await trio.aclose_forcefully(stream)
        else:
            await peer.receive_close()
            await peer.send(close_frame(1000))
        await stream.aclose()
        await until(lambda: server.connections == 0)
        assert references[0]() is None
