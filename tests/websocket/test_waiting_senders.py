"""Senders that wait for a full outbox are served in order of arrival, whichever call they use."""

from __future__ import annotations

from contextlib import suppress

import pytest
import trio
import trio.lowlevel
import trio.testing
from support.sending_story import small_listener, small_stream
from support.serving import in_lockstep, running
from support.waiting import settled, until

import trioweb
from trioweb import App, Config, Limits, OutboxFull, Overflow
from trioweb.failures import listen_for_failures
from trioweb.testing import CLOSE, RawPeer

ROOMY = 20


async def in_step(handler, drive, **limits):
    """Over streams that take only what the other side reads."""

    async def ready(ws):
        await ws.accept()
        await settled()  # so that nothing leaves together with the response to the handshake
        await handler(ws)

    await in_lockstep(ready, drive, **limits)


async def over_small_sockets(handler, drive, **limits):
    """Over sockets with small buffers, so that the outbox drains as the other side reads."""
    app, failures = App(Config(limits=Limits(**limits))), []
    app.websocket("/")(handler)
    listen_for_failures(failures.append)

    async with (
        running(app, listeners=[small_listener()]) as server,
        await small_stream(server.port) as stream,
    ):
        peer = RawPeer(stream)
        await peer.open()
        await drive(peer)
    assert not failures


@pytest.mark.parametrize("passes_by", ["send", "send_nowait"])
async def test_no_sender_overtakes_waiting_ones(passes_by):
    """A task sends whenever there is room while the peer reads one message after another."""
    all_wait = trio.Event()

    async def handler(ws):
        for _ in range(30):
            await ws.send("x" * 10_000)
        async with trio.open_nursery() as nursery:
            for number in range(ROOMY):
                nursery.start_soon(ws.send, f"waited {number:2}".ljust(10_000))
                await settled()
            all_wait.set()
            while nursery.child_tasks:
                await trio.lowlevel.checkpoint()
                with suppress(OutboxFull):
                    if passes_by == "send_nowait":
                        ws.send_nowait("later".ljust(10_000))
                    elif len(ws.nursery.child_tasks) < 3:
                        ws.nursery.start_soon(ws.send, "later".ljust(10_000))

    async def drive(peer):
        order = []
        await all_wait.wait()
        while (got := await peer.receive_frame()).opcode != CLOSE:
            order.append(got.payload.decode().strip())
        waited = [text for text in order if text.startswith("waited")]
        assert waited == [f"waited {number:2}" for number in range(ROOMY)]
        assert "later" not in order[: order.index(waited[-1])]

    await over_small_sockets(handler, drive, outbox_bytes=320_000)


async def test_send_nowait_says_full_while_others_wait_even_if_there_is_room():
    async def handler(ws):
        for _ in range(30):
            await ws.send("x" * 10_000)
        ws.nursery.start_soon(ws.send, "y" * 200_000)
        await until(lambda: ws.outbox.statistics().bytes <= 250_000)
        assert ws.outbox.statistics().bytes > 160_000, "those who wait are let in at half"
        with pytest.raises(OutboxFull):
            ws.send_nowait("short")

    async def drive(peer):
        for _ in range(8):
            await peer.receive_frame()
        while (await peer.receive_frame()).opcode != CLOSE:
            pass

    await over_small_sockets(handler, drive, outbox_bytes=320_000)


async def test_a_sender_that_gives_up_lets_the_next_in():
    """The first waits for an empty outbox, as a message does that is longer than the outbox."""
    sent = trio.Event()

    async def send_next(ws):
        await ws.send("the next")
        sent.set()

    async def handler(ws):
        for _ in range(30):
            await ws.send("x" * 10_000)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ws.send, "y" * 500_000)
            await settled()
            ws.nursery.start_soon(send_next, ws)
            await until(lambda: ws.outbox.statistics().bytes <= 150_000)
            assert not sent.is_set()
            nursery.cancel_scope.cancel()
        await sent.wait()
        assert ws.outbox.statistics().bytes > 50_000

    async def drive(peer):
        for _ in range(20):
            await peer.receive_frame()
        await sent.wait()
        while (await peer.receive_frame()).opcode != CLOSE:
            pass

    await over_small_sockets(handler, drive, outbox_bytes=320_000)


async def test_waiting_senders_learn_of_the_end(autojump_clock):
    heard = []

    async def wait(ws):
        with pytest.raises(trioweb.ConnectionClosedError, match="1006"):
            await ws.send("x" * 800)
        heard.append("the end")

    async def handler(ws):
        await ws.send("x" * 800)
        for _ in range(3):
            ws.nursery.start_soon(wait, ws)
        await ws.wait_closed()

    async def drive(peer):
        await settled()
        await peer.stream.aclose()
        await settled()

    await in_step(handler, drive, outbox_bytes=1000)
    assert heard == ["the end"] * 3


async def test_no_sender_overtakes_publishers_that_wait_for_a_member():
    """All of them are in the line, and not only the first."""
    room = App().room("slow", overflow=Overflow.WAIT)
    all_wait = trio.Event()

    async def handler(ws):
        async with room.join(ws):
            for _ in range(30):
                await ws.send("x" * 10_000)
            async with trio.open_nursery() as nursery:
                for number in range(ROOMY):
                    nursery.start_soon(room.publish, f"waited {number:2}".ljust(10_000))
                    await settled()
                all_wait.set()
                while nursery.child_tasks:
                    await trio.lowlevel.checkpoint()
                    with suppress(OutboxFull):
                        ws.send_nowait("later".ljust(10_000))

    async def drive(peer):
        order = []
        await all_wait.wait()
        while (got := await peer.receive_frame()).opcode != CLOSE:
            order.append(got.payload.decode().strip())
        waited = [text for text in order if text.startswith("waited")]
        assert waited == [f"waited {number:2}" for number in range(ROOMY)]
        assert "later" not in order[: order.index(waited[-1])]

    await over_small_sockets(handler, drive, outbox_bytes=320_000)


async def test_a_send_that_lets_others_run_has_its_place_before_them(autojump_clock):
    """Every 32nd call yields, even if it does not have to wait."""
    called = []

    async def send(ws, number):
        called.append(number)
        await ws.send(str(number))

    async def handler(ws):
        async with trio.open_nursery() as nursery:
            for number in range(200):
                nursery.start_soon(send, ws, number)

    async def drive(peer):
        assert [int(await peer.receive_text()) for _ in range(200)] == called

    await in_step(handler, drive)


@pytest.mark.parametrize("policy", [Overflow.DROP_OLDEST, Overflow.LATEST])
async def test_a_handler_gets_its_turn_beside_a_room_that_keeps_the_outbox_full(policy):
    """The room frees space for itself at every message, and might do so for ever."""
    room = App().room("busy")
    is_full, has_come = trio.Event(), trio.Event()
    published = 0

    async def handler(ws):
        nonlocal published
        async with room.join(ws, overflow=policy):
            while not ws.outbox.statistics().drops:
                await room.publish("r" * 4000, key=str(published))
                published += 1
            is_full.set()
            ws.nursery.start_soon(ws.send, "own " + "x" * 9000)
            await settled()
            published = 0
            while not has_come.is_set():
                await room.publish("r" * 4000, key=str(published))
                published += 1
                await trio.lowlevel.checkpoint()

    async def drive(peer):
        await is_full.wait()
        read = 0
        while not (await peer.receive_text()).startswith("own") and read < 100:
            read += 1
            await until(lambda since=published: published > since + 2)
        has_come.set()
        assert read < 60, "what was queued before it, and a few of the room's"
        while (await peer.receive_frame()).opcode != CLOSE:
            pass

    await over_small_sockets(handler, drive, outbox_bytes=100_000)
