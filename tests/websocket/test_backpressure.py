"""Slowness on either side: no buffer grows, no peer is lost, and a dead reader is cut."""

from __future__ import annotations

import gc
import resource
from itertools import pairwise

import pytest
import trio
import trio.testing
from support.serving import in_memory, running
from support.waiting import until

import trioweb
from trioweb import App, Config, Limits, OutboxFull, Timeouts
from trioweb.testing import PING, PONG, TEXT, RawPeer, frame


async def test_a_peer_that_never_reads_is_cut_and_its_memory_stays_bounded():
    """One gibibyte is offered; the memory in use stays below the outbox's limit."""
    seen = {}
    app = App(Config(timeouts=Timeouts(send_seconds=0.5, close_seconds=0.5)))
    chunk = b"x" * (256 * 1024)

    @app.websocket("/")
    async def handler(ws):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(trioweb.ConnectionClosedError) as caught:
            for _ in range(4096):
                await ws.send(chunk)
        seen["code"] = caught.value.code
        seen["grown_kilobytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        seen["high_water"] = ws.outbox.statistics().high_water_bytes

    async with running(app) as server, await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        await RawPeer(stream).open()
        await until(lambda: not ("high_water" not in seen))

    assert seen["code"] == 1006
    assert seen["high_water"] <= Limits().outbox_bytes
    assert seen["grown_kilobytes"] < 16 * 1024


@pytest.mark.slow
async def test_a_handler_that_does_not_read_closes_the_peers_window():
    app = App()
    go_on = trio.Event()
    received = []

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        await go_on.wait()
        async for message in ws:
            received.append(len(message))

    offered = 64 * 1024 * 1024
    piece = frame(TEXT, b"x" * 65_000)
    async with running(app) as server, await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        peer = RawPeer(stream)
        await peer.open()
        sent = 0
        with trio.move_on_after(1):
            while sent < offered:
                await stream.send_all(piece)
                sent += len(piece)
        assert sent < 20 * 1024 * 1024, "the peer's sends must stop"
        go_on.set()
        with trio.move_on_after(5):
            await trio.testing.wait_all_tasks_blocked(0.05)
    assert len(received) >= sent // len(piece)


async def test_being_paused_by_our_own_backpressure_is_not_silence(autojump_clock):
    """A busy handler must not have its healthy peer killed by the keepalive."""
    seen = []
    app = App(
        Config(
            limits=Limits(inbox_messages=2),
            timeouts=Timeouts(ping_interval_seconds=1, ping_timeout_seconds=1),
        )
    )

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        await trio.sleep(30)
        for _ in range(8):
            seen.append(await ws.receive())

    async with in_memory(app) as peer:
        await peer.open()
        for number in range(8):
            await peer.send_text(str(number))
        while (got := await peer.receive_frame()).opcode == PING:
            await peer.send(frame(PONG, got.payload))
    assert seen == [str(number) for number in range(8)]


async def test_pings_are_answered_while_the_handler_is_busy_and_overtake_queued_data(autojump_clock):
    app = App()

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        await trio.sleep(1000)

    async with in_memory(app) as peer:
        await peer.open()
        await peer.send(frame(PING, b"there?"))

        assert await peer.receive_frame() == (PONG, b"there?", True, 0)


async def test_control_frames_overtake_queued_messages():
    app = App(Config(limits=Limits(outbox_bytes=8 * 1024 * 1024)))
    queued = trio.Event()

    @app.websocket("/")
    async def handler(ws):
        for _ in range(100):
            ws.send_nowait(b"x" * 65_536)
        queued.set()
        await ws.receive()

    async with running(app) as server, await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        peer = RawPeer(stream)
        await peer.open()
        await queued.wait()
        await peer.send(frame(PING, b"now"))
        await trio.testing.wait_all_tasks_blocked(0.05)
        before = 0
        while (await peer.receive_frame()).opcode != PONG:
            before += 1
        assert before < 99
        for _ in range(100 - before):
            assert (await peer.receive_frame()).opcode != PONG
        await peer.send_text("enough")


async def test_a_flood_of_pings_to_a_peer_that_does_not_read_is_bounded():
    app = App()
    held = []

    @app.websocket("/")
    async def handler(ws):
        with pytest.raises(OutboxFull):
            while True:
                ws.send_nowait(b"x" * 65_536)
        await ws.receive()
        held.append(ws.outbox.statistics().bytes)

    async with running(app) as server, await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        peer = RawPeer(stream)
        await peer.open()
        await peer.send(frame(PING, b"x" * 125) * 20_000 + frame(TEXT, b"done"))
        await until(lambda: held)
    assert held[0] <= Limits().outbox_bytes + 65_536 + 1024


async def test_send_waits_at_the_high_mark_until_the_low_mark(autojump_clock):
    app = App(Config(limits=Limits(outbox_messages=10, outbox_bytes=10_000_000)))
    counts = []

    @app.websocket("/")
    async def handler(ws):
        for number in range(60):
            await ws.send(b"%d" % number + b"x" * 70_000)
            counts.append(ws.outbox.statistics().messages)

    async with in_memory(app, pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.open()
        for number in range(60):
            await trio.testing.wait_all_tasks_blocked()
            assert (await peer.receive_binary()).startswith(b"%d" % number)
    assert max(counts) == 10
    after_full = [later for earlier, later in pairwise(counts) if earlier == 10]
    assert max(after_full) <= 6, "whoever waited goes on when half has drained"


async def test_a_message_larger_than_the_outbox_may_enter_an_empty_one(autojump_clock):
    app = App(Config(limits=Limits(outbox_bytes=1000)))

    @app.websocket("/")
    async def handler(ws):
        await ws.send(b"x" * 100_000)
        await ws.send(b"y")

    async with in_memory(app) as peer:
        await peer.open()

        assert await peer.receive_binary() == b"x" * 100_000
        assert await peer.receive_binary() == b"y"


async def test_messages_of_many_tasks_never_interleave_and_none_starves():
    app = App(Config(limits=Limits(outbox_bytes=100_000)))

    @app.websocket("/")
    async def handler(ws):
        async def sender(name):
            for number in range(20):
                await ws.send(f"{name}:{number}:{name * 20_000}")

        async with trio.open_nursery() as nursery:
            for name in "abcde":
                nursery.start_soon(sender, name)

    async with running(app) as server, await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        peer = RawPeer(stream)
        await peer.open()
        got = {name: [] for name in "abcde"}
        for _ in range(100):
            name, number, body = (await peer.receive_text()).split(":")
            assert body == name * 20_000
            got[name].append(int(number))
    assert all(numbers == list(range(20)) for numbers in got.values())


@pytest.mark.slow
async def test_flush_waits_until_the_kernel_has_everything():
    app = App()
    order = []

    @app.websocket("/")
    async def handler(ws):
        await ws.send(b"x" * 30_000_000)
        order.append(("queued", ws.outbox.statistics().bytes > 0))
        await ws.flush()
        order.append(("flushed", ws.outbox.statistics().bytes))

    async with running(app) as server, await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        peer = RawPeer(stream)
        await peer.open()
        await until(lambda: order)
        assert len(await peer.receive_binary()) == 30_000_000
        await peer.receive_close()
    assert order == [("queued", True), ("flushed", 0)]


async def test_idle_connections_need_one_task_each():
    app = App()

    @app.websocket("/")
    async def handler(ws):
        async for _ in ws:
            pass

    async with running(app) as server:
        tasks_before = trio.lowlevel.current_statistics().tasks_living
        streams = [await trio.open_tcp_stream("127.0.0.1", server.port) for _ in range(50)]
        for stream in streams:
            await RawPeer(stream).open()
        await trio.testing.wait_all_tasks_blocked(0.02)

        assert trio.lowlevel.current_statistics().tasks_living - tasks_before == 50

        for stream in streams:
            await stream.aclose()
        await until(lambda: not (trio.lowlevel.current_statistics().tasks_living > tasks_before))
        gc.collect()
        assert server.connections == 0
