"""Sending to peers that are slow, that stop, or that go while something waits."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from support.serving import in_lockstep
from support.waiting import settled

import trioweb
from trioweb import LocalProtocolError, Timeouts
from trioweb.testing import CLOSE, PING, PONG, close_frame, frame

BLOCK = b"x" * 70_000


async def test_a_stream_longer_than_the_outbox_goes_as_fast_as_the_peer_reads(autojump_clock):
    most = []

    async def handler(ws):
        async with ws.send_stream() as stream:
            for _ in range(50):
                await stream.send(b"y" * 1000)
                most.append(ws.outbox.statistics().bytes)

    async def drive(peer):
        received = 0
        for _ in range(50):
            await settled()
            received += len((await peer.receive_frame()).payload)
        assert received == 50_000
        assert (await peer.receive_frame()).is_final

    await in_lockstep(handler, drive, outbox_bytes=5000)
    assert max(most) <= 5000


async def test_a_stream_that_waits_for_a_peer_that_goes_raises(autojump_clock):
    seen = []

    async def handler(ws):
        with pytest.raises(trioweb.ConnectionClosedError, match="1006"):
            async with ws.send_stream() as stream:
                while True:
                    await stream.send(BLOCK)
                    seen.append("sent")

    async def drive(peer):
        await peer.receive_frame()
        await settled()
        sent = len(seen)
        await peer.stream.aclose()
        await settled()
        assert len(seen) == sent

    await in_lockstep(handler, drive, outbox_bytes=100_000)


async def test_a_stream_whose_connection_ended_meanwhile_does_not_seem_sent(autojump_clock):
    async def handler(ws):
        await ws.accept()
        with pytest.raises(trioweb.ConnectionClosedOK):
            async with ws.send_stream() as stream:
                await stream.send(b"half")
                await ws.wait_closed()

    async def drive(peer):
        assert (await peer.receive_frame()).payload == b"half"
        assert await peer.close() == (1000, "")

    await in_lockstep(handler, drive)


async def test_a_piece_of_text_that_is_not_unicode_is_refused_and_the_stream_continues(autojump_clock):
    async def handler(ws):
        async with ws.send_stream(text=True) as stream:
            await stream.send("one ")
            with pytest.raises(LocalProtocolError, match="cannot be sent as UTF-8"):
                await stream.send("\ud800")
            await stream.send("two")

    async def drive(peer):
        assert b"".join([(await peer.receive_frame()).payload for _ in range(3)]) == b"one two"

    await in_lockstep(handler, drive)


async def test_every_flushing_task_waits_and_learns_of_the_loss(autojump_clock):
    seen = []

    async def flush(ws):
        with pytest.raises(trioweb.ConnectionClosedError, match="1006"):
            await ws.flush()
        seen.append("lost")

    async def handler(ws):
        await ws.send(BLOCK)
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(flush, ws)

    async def drive(peer):
        await settled()
        assert seen == []
        await peer.stream.aclose()
        await settled()

    await in_lockstep(handler, drive)
    assert seen == ["lost"] * 3


async def test_every_flushing_task_continues_when_the_peer_has_read(autojump_clock):
    seen = []

    async def flush(ws):
        await ws.flush()
        seen.append("flushed")

    async def handler(ws):
        await ws.send(BLOCK)
        for _ in range(3):
            ws.nursery.start_soon(flush, ws)
        await ws.receive()

    async def drive(peer):
        await settled()
        assert seen == []
        assert await peer.receive_binary() == BLOCK
        await settled()
        assert seen == ["flushed"] * 3
        await peer.send_text("bye")

    await in_lockstep(handler, drive)


async def test_a_peer_that_reads_slowly_is_not_cut(autojump_clock):
    async def handler(ws):
        for _ in range(6):
            ws.send_nowait(BLOCK)
        await ws.receive()

    async def drive(peer):
        for _ in range(6):
            await trio.sleep(8)
            assert await peer.receive_binary() == BLOCK
        await peer.send_text("thanks")
        assert await peer.receive_close() == (1000, "")

    await in_lockstep(handler, drive, timeouts=Timeouts(ping_interval_seconds=None, send_seconds=10))


async def test_a_peer_that_stops_reading_after_a_while_is_cut_from_then(autojump_clock):
    seen = []

    async def handler(ws):
        started = trio.current_time()
        for _ in range(6):
            ws.send_nowait(BLOCK)
        with pytest.raises(trioweb.ConnectionClosedError, match="1006"):
            await ws.receive()
        seen.append(trio.current_time() - started)

    async def drive(peer):
        await trio.sleep(8)
        await peer.receive_binary()
        await trio.sleep(100)

    await in_lockstep(handler, drive, timeouts=Timeouts(ping_interval_seconds=None, send_seconds=10))
    assert 18 <= seen[0] <= 30


async def test_a_ping_is_answered_even_if_many_of_our_own_wait(autojump_clock):
    async def handler(ws):
        ws.send_nowait(BLOCK)
        for _ in range(40):
            ws.nursery.start_soon(ws.ping)
        await ws.receive()

    async def drive(peer):
        await settled()
        for number in range(5):
            await peer.send(frame(PING, b"%d" % number))
        await settled()
        assert await peer.receive_binary() == BLOCK
        control = [await peer.receive_frame() for _ in range(41)]
        assert [got.opcode for got in control].count(PING) == 40
        assert [got.payload for got in control if got.opcode == PONG] == [b"4"], "the latest is enough"
        await peer.send_text("bye")
        assert await peer.receive_close() == (1000, "")

    await in_lockstep(handler, drive)


async def test_control_frames_that_wait_are_bounded(autojump_clock):
    seen = []

    async def handler(ws):
        await ws.accept()
        ws.send_nowait(BLOCK)
        await ws.receive()
        refused = 0
        for _ in range(64):
            with trio.move_on_after(0.01):
                try:
                    await ws.ping()
                except trioweb.OutboxFull:
                    refused += 1
        seen.append(refused)
        await ws.receive()

    async def drive(peer):
        await settled()
        for number in range(100):
            await peer.send(frame(PING, b"%d" % number))
        await peer.send_text("now you")
        await trio.sleep(5)
        assert await peer.receive_binary() == BLOCK
        control = [await peer.receive_frame() for _ in range(64)]
        assert [got.opcode for got in control].count(PONG) == 32
        await peer.send_text("bye")
        assert (await peer.receive_frame()).opcode == CLOSE

    await in_lockstep(handler, drive)
    assert seen == [32]


async def test_a_send_in_the_queue_raises_when_the_connection_ends(autojump_clock):
    seen = []

    async def send(ws):
        with pytest.raises(trioweb.ConnectionClosedOK):
            await ws.send(BLOCK)
        seen.append("raised")

    async def handler(ws):
        await ws.send(BLOCK)
        for _ in range(3):
            ws.nursery.start_soon(send, ws)
        await ws.wait_closed()
        await settled()

    async def drive(peer):
        await settled()
        await peer.send(close_frame(1000))
        await settled()
        assert seen == ["raised"] * 3
        assert await peer.receive_binary() == BLOCK
        assert await peer.receive_close() == (1000, "")

    await in_lockstep(handler, drive, outbox_bytes=1000)
