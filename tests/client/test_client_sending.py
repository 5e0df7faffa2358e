"""Sending from a client: kinds, fragments, masks, backpressure, and many tasks and connections at once."""

from __future__ import annotations

import os

import pytest
import trio
import trio.testing
from support.server_manners import closing, end
from support.waiting import settled

import trioweb
from trioweb import (
    AlreadyClosed,
    Config,
    Limits,
    LocalProtocolError,
    OutboxFull,
    Timeouts,
)
from trioweb.testing import CONTINUATION, RawPeer


async def test_text_leaves_as_text_and_bytes_leave_as_binary(autojump_clock, over_memory):
    async with over_memory() as (ws, peer):
        await ws.send("😀")
        await ws.send(b"\x01\x02\xfe\xff")
        await ws.send(bytearray(b"array"))
        await ws.send(memoryview(b"view"))
        assert await peer.receive_text() == "😀"
        assert [await peer.receive_binary() for _ in range(3)] == [b"\x01\x02\xfe\xff", b"array", b"view"]


@pytest.mark.parametrize("message", [None, 1, 1.5, ["a"], {"a": 1}, object()], ids=repr)
async def test_a_message_is_text_or_bytes(autojump_clock, over_memory, message):
    async with over_memory() as (ws, peer):
        with pytest.raises((LocalProtocolError, TypeError)):
            await ws.send(message)
        await ws.send("still open")
        assert await peer.receive_text() == "still open"


async def test_each_frame_has_a_mask_of_its_own():
    ours, theirs = trio.testing.memory_stream_pair()
    peer = RawPeer(theirs, is_server=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peer.accept)
        async with trioweb.connect_stream(ours, "ws://server/") as ws:
            for _ in range(50):
                await ws.send(bytes(8))
            raw = await peer.receive_exactly(50 * (2 + 4 + 8))
            masks = {raw[start + 2 : start + 6] for start in range(0, len(raw), 14)}
            assert len(masks) == 50
            await end(peer)


async def test_a_message_is_sent_in_fragments_and_nothing_comes_between_them(autojump_clock, over_memory):
    async with over_memory() as (ws, peer), trio.open_nursery() as nursery:
        async with ws.send_stream(text=True) as writer:
            await writer.send("😀")
            nursery.start_soon(ws.send, "other")
            await settled()
            await writer.send("😀")
        pieces = [await peer.receive_frame()]
        while not pieces[-1].is_final:
            pieces.append(await peer.receive_frame())
        assert b"".join(piece.payload for piece in pieces).decode() == "😀😀"
        assert {piece.opcode for piece in pieces[1:]} == {CONTINUATION}
        assert await peer.receive_text() == "other"


async def test_senders_of_many_tasks_do_not_mix_their_messages(autojump_clock, over_memory):
    async with over_memory() as (ws, peer):
        contents = {bytes([number]) * 3000 for number in range(50)}
        async with trio.open_nursery() as nursery:
            for content in contents:
                nursery.start_soon(ws.send, content)
            assert {await peer.receive_binary() for _ in contents} == contents


async def test_sending_waits_for_a_server_that_does_not_read(autojump_clock):
    ours, theirs = trio.testing.lockstep_stream_pair()
    peer = RawPeer(theirs, is_server=True)
    config = Config(limits=Limits(outbox_messages=4), timeouts=Timeouts(ping_interval_seconds=None))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peer.accept)
        async with trioweb.connect_stream(ours, "ws://server/", config=config) as ws:
            sent = 0
            with trio.move_on_after(1) as scope:
                while sent < 100:
                    await ws.send(f"{sent}")
                    sent += 1
            assert scope.cancelled_caught
            assert 0 < sent < 100
            with pytest.raises(OutboxFull):
                ws.send_nowait("no room")
            got = [await peer.receive_text() for _ in range(sent)]
            assert got == [f"{number}" for number in range(sent)]
            nursery.start_soon(closing, peer)


async def test_a_large_message_passes_both_ways(autojump_clock, over_memory):
    content = os.urandom(900_000)
    async with over_memory() as (ws, peer):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ws.send, content)
            assert await peer.receive_binary() == content
        await peer.send_binary(content)
        assert await ws.receive() == content


async def test_many_connections_at_once_have_their_own_messages(nursery):
    app = trioweb.App()

    @app.websocket("/{n:int}")
    async def count(ws, n):
        async for message in ws:
            await ws.send(f"{n}: {message}")

    server = await nursery.start(trioweb.serve, app, "127.0.0.1", 0)

    async def talk(number):
        async with trioweb.connect(f"ws://127.0.0.1:{server.port}/{number}") as ws:
            for turn in range(5):
                await ws.send(f"{turn}")
                assert await ws.receive() == f"{number}: {turn}"

    async with trio.open_nursery() as talks:
        for number in range(30):
            talks.start_soon(talk, number)


async def test_using_a_websocket_after_closing_it_raises_already_closed_everywhere(
    autojump_clock, over_memory
):
    async with over_memory() as (ws, peer):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(closing, peer)
            await ws.aclose(4000, "enough")
        await ws.aclose()
        assert tuple(ws.closed) == (4000, "enough")
        for use in (ws.receive, ws.ping, lambda: ws.send("x"), lambda: ws.send_json(1), ws.flush):
            with pytest.raises(AlreadyClosed) as caught:
                await use()
            assert isinstance(caught.value, trio.ClosedResourceError)
        with pytest.raises(AlreadyClosed):
            ws.send_nowait("x")
