"""The closing handshake when the two sides are not in step."""

from __future__ import annotations

import socket
import struct

import pytest
import trio
import trio.testing
from support.serving import in_lockstep, running
from support.waiting import until

import trioweb
from trioweb import App, Close, Config, Timeouts
from trioweb.testing import BINARY, CLOSE, TEXT, RawPeer, close_frame, frame

BLOCK = b"x" * 70_000


async def test_a_peer_that_closes_gets_our_close_frame_and_no_waiting_messages(autojump_clock):
    async def handler(ws):
        for _ in range(10):
            ws.send_nowait(BLOCK)

    async def drive(peer):
        await peer.send(close_frame(4001))
        whole = 0
        while (got := await peer.receive_frame()).opcode == BINARY:
            assert got.payload == BLOCK
            whole += 1
        assert whole < 10
        assert (got.opcode, got.payload[:2]) == (CLOSE, (1000).to_bytes(2, "big"))
        assert await peer.receive_end() == b""

    await in_lockstep(handler, drive)


async def test_a_peer_that_half_closes_after_its_close_frame_still_gets_ours(autojump_clock):
    seen = []

    async def handler(ws):
        with pytest.raises(trioweb.ConnectionClosedOK):
            await ws.receive()
        seen.append(await ws.wait_closed())

    async def drive(peer):
        await peer.send(close_frame(1001))
        await peer.stream.send_eof()
        await trio.testing.wait_all_tasks_blocked()
        assert await peer.receive_close() == (1001, "")
        assert await peer.receive_end() == b""

    await in_lockstep(handler, drive)
    assert seen == [Close(1001)]


async def test_a_violation_after_our_close_ends_it_without_a_second_one(autojump_clock):
    async def handler(ws):
        await ws.accept()

    async def drive(peer):
        assert await peer.receive_close() == (1000, "")
        started = trio.current_time()
        await peer.send(frame(0x3, b""))
        assert await peer.receive_end() == b""
        assert trio.current_time() - started < Timeouts().close_seconds

    await in_lockstep(handler, drive)


async def test_a_slow_peer_that_keeps_reading_gets_everything_before_the_close(autojump_clock):
    async def handler(ws):
        for number in range(6):
            ws.send_nowait(b"%d" % number + BLOCK)

    async def drive(peer):
        for number in range(6):
            assert (await peer.receive_binary())[:1] == b"%d" % number
            await trio.sleep(4)
        assert await peer.receive_close() == (1000, "")

    await in_lockstep(handler, drive, timeouts=Timeouts(close_seconds=5))


async def test_a_peer_that_reads_ever_so_slowly_has_its_time_bounded(autojump_clock):
    async def handler(ws):
        for number in range(12):
            ws.send_nowait(b"%d" % number + BLOCK)

    async def drive(peer):
        started = trio.current_time()
        with pytest.raises(AssertionError, match="the other side ended the connection"):
            while True:
                await peer.receive_binary()
                await trio.sleep(4)
        assert 25 <= trio.current_time() - started < 35

    await in_lockstep(handler, drive, timeouts=Timeouts(close_seconds=5, send_seconds=20))


async def test_a_watcher_added_after_the_end_is_notified_at_once(autojump_clock):
    seen = []

    async def handler(ws):
        ws._closing.watch(lambda: seen.append("before"))
        with pytest.raises(trioweb.ConnectionClosedOK):
            await ws.receive()
        ws._closing.watch(lambda: seen.append("after"))
        assert seen == ["before", "after"]
        seen.append("handler")

    async def drive(peer):
        assert await peer.close() == (1000, "")

    await in_lockstep(handler, drive)
    assert seen[-1] == "handler"


async def test_a_peer_that_closes_and_resets_is_heard_and_not_waited_for():
    """Its close frame is still unread in the kernel when our own write fails."""
    app, seen, clients = App(Config(timeouts=Timeouts(close_seconds=60))), [], []

    @app.websocket("/")
    async def handler(ws):
        await ws.receive()
        (client,) = clients
        client.sendall(frame(TEXT, b"last") + close_frame(4001, "bye"))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        ws.send_nowait("too late")
        seen.append(await ws.receive())
        with trio.fail_after(5):
            seen.append(await ws.wait_closed())

    async with running(app) as server:
        stream = await trio.open_tcp_stream("127.0.0.1", server.port)
        peer = RawPeer(stream)
        await peer.open()
        clients.append(socket.socket(fileno=stream.socket.detach()))
        clients[0].sendall(frame(TEXT, b"go"))
        await until(lambda: len(seen) == 2)
    assert seen == ["last", Close(4001, "bye")]
    assert seen[1].received_first is True
