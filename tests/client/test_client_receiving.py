"""Receiving in a client: kinds, fragments, limits, cancellation, and what comes with the end."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from support.server_manners import closing, end
from support.waiting import settled

import trioweb
from trioweb import (
    Config,
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    Deflate,
    Limits,
    ReceiveBusy,
)
from trioweb.testing import BINARY, CONTINUATION, PING, PONG, TEXT, RawPeer, frame
from trioweb.testing.raw.handshake import accepting

from_server = {"mask": None}


async def test_messages_are_iterated_over_with_their_kinds(autojump_clock, over_memory):
    async with over_memory() as (ws, peer):
        await peer.send_text("😀")
        await peer.send_binary(b"\x01\x02\xfe\xff")
        await end(peer)
        assert [message async for message in ws] == ["😀", b"\x01\x02\xfe\xff"]
        assert ws.closed.code == 1000


async def test_iterating_ends_with_an_error_when_the_server_closes_with_one(autojump_clock, over_memory):
    async with over_memory() as (ws, peer):
        await peer.send_text("last")
        await peer.send_close(1011, "a bug")
        messages = []
        with pytest.raises(ConnectionClosedError) as caught:
            async for message in ws:
                messages.append(message)
        assert messages == ["last"]
        assert (caught.value.code, caught.value.reason) == (1011, "a bug")


@pytest.mark.parametrize("code", [1000, 1001, None])
async def test_receiving_after_a_normal_close_is_closed_ok_and_the_end_of_the_channel(
    autojump_clock, over_memory, code
):
    async with over_memory() as (ws, peer):
        await peer.send_close(code)
        with pytest.raises(ConnectionClosedOK) as caught:
            await ws.receive()
        assert isinstance(caught.value, trio.EndOfChannel)
        assert ws.closed.code == (code or 1005)
        with pytest.raises(ConnectionClosed):
            await ws.send("late")


async def test_messages_that_came_before_the_close_can_be_received_after_it(autojump_clock, over_memory):
    async with over_memory() as (ws, peer):
        await peer.send_text("1")
        await peer.send_text("2")
        await peer.send_close(1000)
        await settled()
        assert ws.closed.code == 1000
        assert [await ws.receive(), await ws.receive()] == ["1", "2"]
        with pytest.raises(ConnectionClosedOK):
            await ws.receive()


async def test_a_message_in_fragments_is_received_whole_with_pings_between_them(autojump_clock, over_memory):
    async with over_memory() as (ws, peer):
        await peer.send_frame(TEXT, "😀".encode()[:2], is_final=False)
        await peer.send_frame(PING, b"now?")
        await peer.send_frame(CONTINUATION, "😀".encode()[2:], is_final=False)
        await peer.send_frame(CONTINUATION, b"", is_final=True)
        assert await ws.receive() == "😀"
        answer = await peer.receive_frame()
        assert (answer.opcode, answer.payload) == (PONG, b"now?")


async def test_a_message_can_be_read_in_pieces_and_leaves_the_next_one_alone(autojump_clock, over_memory):
    async with over_memory() as (ws, peer):
        await peer.send_frame(BINARY, b"one", is_final=False)
        async with ws.receive_stream() as chunks:
            assert await anext(aiter(chunks)) == b"one"
            await peer.send_frame(CONTINUATION, b"two", is_final=True)
            assert b"".join([chunk async for chunk in chunks]) == b"two"
        await peer.send_text("next")
        assert await ws.receive() == "next"


async def test_text_that_is_not_utf_8_closes_with_1007(autojump_clock, over_memory):
    async with over_memory() as (ws, peer):
        await peer.send_frame(TEXT, b"\x01\x02\xfe\xff")
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.receive()
        assert caught.value.code == 1007
        assert (await peer.receive_close())[0] == 1007


async def test_two_tasks_cannot_receive_at_once(autojump_clock, over_memory):
    async with over_memory() as (ws, _), trio.open_nursery() as nursery:

        @nursery.start_soon
        async def receive():
            await ws.receive()

        await settled()
        with pytest.raises(ReceiveBusy):
            await ws.receive()
        nursery.cancel_scope.cancel()


async def test_a_cancelled_receive_leaves_the_message_for_the_next(autojump_clock, over_memory):
    async with over_memory() as (ws, peer):
        with trio.CancelScope() as scope:
            scope.cancel()
            await ws.receive()
        assert scope.cancelled_caught
        await peer.send_frame(TEXT, b"in ", is_final=False)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ws.receive)
            await settled()
            nursery.cancel_scope.cancel()
        await peer.send_frame(CONTINUATION, b"pieces")
        assert await ws.receive() == "in pieces"


async def test_the_client_stops_reading_when_nobody_receives(autojump_clock):
    ours, theirs = trio.testing.lockstep_stream_pair()
    peer = RawPeer(theirs, is_server=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peer.accept)
        async with trioweb.connect_stream(
            ours, "ws://server/", config=Config(limits=Limits(inbox_messages=4))
        ) as ws:
            await settled()
            sent = 0
            with trio.move_on_after(1):
                while sent < 1000:
                    await peer.send_text(f"{sent}")
                    sent += 1
            assert sent < 100
            assert [await ws.receive() for _ in range(sent)] == [f"{number}" for number in range(sent)]
            await peer.stream.aclose()


async def test_a_client_that_does_not_receive_keeps_its_server(autojump_clock, over_memory):
    async with over_memory(config=Config(limits=Limits(inbox_messages=4))) as (ws, peer):
        for number in range(100):
            await peer.send_text(f"{number}")
        await trio.sleep(1000)  # in which the server answers no ping
        assert [await ws.receive() for _ in range(100)] == [f"{number}" for number in range(100)]
        await end(peer)


async def test_a_message_over_the_limit_closes_with_1009_but_a_larger_one_may_be_sent(
    autojump_clock, over_memory
):
    async with over_memory(config=Config(limits=Limits(message_bytes=100))) as (ws, peer):
        await ws.send(bytes(101))
        assert await peer.receive_binary() == bytes(101)
        await peer.send_binary(bytes(100))
        assert await ws.receive() == bytes(100)
        await peer.send_binary(bytes(101))
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.receive()
        assert caught.value.code == 1009
        assert (await peer.receive_close())[0] == 1009


async def test_too_many_fragments_close_with_1008(autojump_clock, over_memory):
    async with over_memory(config=Config(limits=Limits(message_fragments=10))) as (ws, peer):
        await peer.send_frame(TEXT, b"x", is_final=False)
        for _ in range(10):
            await peer.send_frame(CONTINUATION, b"x", is_final=False)
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.receive()
        assert caught.value.code == 1008


async def test_a_compressed_message_may_not_grow_over_the_limit():
    app = trioweb.App(Config(compression=Deflate()))

    @app.websocket("/")
    async def bomb(ws):
        await ws.send("x" * 1_000_000)

    ours, theirs = trio.testing.memory_stream_pair()
    config = Config(compression=Deflate(), limits=Limits(message_bytes=100_000))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trioweb.serve_stream, app, theirs)
        async with trioweb.connect_stream(ours, "ws://server/", config=config) as ws:
            with pytest.raises(ConnectionClosedError) as caught:
                await ws.receive()
        assert caught.value.code == 1009


async def test_frames_in_the_packet_of_the_handshake_are_not_lost():
    ours, theirs = trio.testing.memory_stream_pair()
    peer = RawPeer(theirs, is_server=True)

    async def serve():
        head = await peer.receive_head()
        early = frame(TEXT, b"first", **from_server) + frame(TEXT, b"sec", is_final=False, **from_server)
        await peer.send(accepting(head) + early)
        await peer.send_frame(CONTINUATION, b"ond")
        await closing(peer)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        async with trioweb.connect_stream(ours, "ws://server/") as ws:
            assert [await ws.receive(), await ws.receive()] == ["first", "second"]
