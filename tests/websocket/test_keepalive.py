"""Pings: silence is noticed, any byte proves life, round trips are measured."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from support.sending_story import small_listener, small_stream
from support.serving import in_memory, running

import trioweb
from trioweb import App, Config, Limits, Timeouts
from trioweb._transport.timers import Timers
from trioweb._websocket.keepalive import Keepalive
from trioweb._websocket.outbox import Outbox
from trioweb.testing import PING, PONG, TEXT, RawPeer, frame


def listening(seen, **timeouts):
    app = App(Config(timeouts=Timeouts(**timeouts)))

    @app.websocket("/")
    async def handler(ws):
        started = trio.current_time()
        try:
            async for message in ws:
                seen.append(message)
        except trioweb.ConnectionClosedError as error:
            seen.append((error.code, trio.current_time() - started))
            raise

    return app


async def test_a_peer_that_answers_nothing_is_gone_after_interval_and_timeout(autojump_clock):
    seen = []
    async with in_memory(listening(seen, ping_interval_seconds=7, ping_timeout_seconds=3)) as peer:
        await peer.open()
        started = trio.current_time()
        assert (await peer.receive_frame()).opcode == PING
        assert trio.current_time() - started == pytest.approx(7)
        await peer.receive_end()
    assert seen == [(1006, pytest.approx(10))]


async def test_a_pong_keeps_a_silent_peer(autojump_clock):
    seen = []
    async with in_memory(listening(seen)) as peer:
        await peer.open()
        for _ in range(5):
            ping = await peer.receive_frame()
            await peer.send(frame(PONG, ping.payload))
        await peer.send_text("still here")
        await peer.close()
    assert seen == ["still here"]


@pytest.mark.parametrize("timeout_seconds", [1, 3, 5, 20, 100])
async def test_a_peer_that_answers_is_pinged_after_each_interval_whatever_the_timeout(
    autojump_clock, timeout_seconds
):
    app = listening([], ping_interval_seconds=5, ping_timeout_seconds=timeout_seconds)
    async with in_memory(app) as peer:
        await peer.open()
        started = trio.current_time()
        for number in range(1, 5):
            ping = await peer.receive_frame()
            assert trio.current_time() - started == pytest.approx(5 * number)
            await peer.send(frame(PONG, ping.payload))
        await peer.close()


@pytest.mark.parametrize("timeout_seconds", [3, 5, 20, 100])
async def test_a_peer_that_stops_answering_has_the_whole_timeout(autojump_clock, timeout_seconds):
    seen = []
    app = listening(seen, ping_interval_seconds=5, ping_timeout_seconds=timeout_seconds)
    async with in_memory(app) as peer:
        await peer.open()
        ping = await peer.receive_frame()
        await peer.send(frame(PONG, ping.payload))
        await peer.receive_end()
    assert seen == [(1006, pytest.approx(10 + timeout_seconds))]


async def test_any_byte_proves_life_so_a_talking_peer_is_not_pinged(autojump_clock):
    seen = []
    async with in_memory(listening(seen, ping_interval_seconds=10)) as peer:
        await peer.open()
        for _ in range(10):
            await trio.sleep(9)
            await peer.send(frame(TEXT, b"x"))
        assert (await peer.close()) == (1000, "")
    assert len(seen) == 10


async def test_pings_can_be_switched_off(autojump_clock):
    seen = []
    async with in_memory(listening(seen, ping_interval_seconds=None)) as peer:
        await peer.open()
        await trio.sleep(10_000)
        assert (await peer.close()) == (1000, "")


async def test_without_a_timeout_pings_are_sent_and_nobody_is_cut(autojump_clock):
    seen = []
    async with in_memory(listening(seen, ping_interval_seconds=5, ping_timeout_seconds=None)) as peer:
        await peer.open()
        for _ in range(4):
            assert (await peer.receive_frame()).opcode == PING
        await peer.send_text("late")
        await peer.close()
    assert seen == ["late"]


async def test_ping_measures_the_round_trip(autojump_clock):
    seen = []
    app = App()

    @app.websocket("/")
    async def handler(ws):
        assert ws.latency_seconds is None
        seen.append(await ws.ping())
        seen.append(ws.latency_seconds)

    async with in_memory(app) as peer:
        await peer.open()
        ping = await peer.receive_frame()
        await trio.sleep(0.25)
        await peer.send(frame(PONG, ping.payload))
        await peer.receive_close()
    assert seen == [pytest.approx(0.25), pytest.approx(0.25)]


async def test_a_pong_answers_the_pings_before_it_and_unknown_ones_are_ignored(autojump_clock):
    seen = []
    app = App()

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()

        async def one():
            seen.append(await ws.ping())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(one)
            nursery.start_soon(one)

    async with in_memory(app) as peer:
        await peer.open()
        await peer.receive_frame()
        second = await peer.receive_frame()
        await peer.send(frame(PONG, b"stranger") + frame(PONG, second.payload))
        await peer.receive_close()
    assert len(seen) == 2


async def test_too_many_unanswered_pings_are_refused(autojump_clock):
    app = App()
    seen = []

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        for _ in range(64):
            ws.nursery.start_soon(ws.ping)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trioweb.OutboxFull):
            await ws.ping()
        seen.append(True)

    async with in_memory(app) as peer:
        await peer.open()
        for _ in range(64):
            assert (await peer.receive_frame()).opcode == PING
        await peer.receive_close()
    assert seen


@pytest.mark.parametrize("timeout_seconds", [None, 5])
async def test_a_ping_whose_writing_finds_the_peer_gone_is_the_last(autojump_clock, caplog, timeout_seconds):
    timers, pings, cuts = Timers(), [], []

    class Gone:
        """Both the outlet and the closing handshake of a connection whose peer is gone."""

        outbox = Outbox(most_messages=1, most_bytes=1)

        def send_ping(self, payload):
            pings.append(payload)
            keepalive.stop()
            return True

        def cut(self, because):
            cuts.append(because)

    timeouts = Timeouts(ping_interval_seconds=5, ping_timeout_seconds=timeout_seconds)
    keepalive = Keepalive(Gone(), Gone(), timers, timeouts)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run)
        keepalive.start()
        await trio.sleep(100)
        nursery.cancel_scope.cancel()
    assert (len(pings), cuts) == (1, [])
    assert not caplog.records


@pytest.mark.slow
async def test_a_peer_that_is_reading_a_long_message_is_not_cut_for_the_ping_after_it():
    """It cannot answer a ping that has not reached it yet."""
    app = App(
        Config(
            limits=Limits(outbox_bytes=500_000),
            timeouts=Timeouts(ping_interval_seconds=0.1, ping_timeout_seconds=0.1),
        )
    )

    @app.websocket("/")
    async def send_much(ws):
        await ws.send(b"x" * 400_000)
        await ws.flush()

    async with (
        running(app, listeners=[small_listener()]) as server,
        await small_stream(server.port) as stream,
    ):
        peer = RawPeer(stream)
        await peer.open()
        received = len(peer.buffer)
        while received < 400_010:
            data = await stream.receive_some(50_000)
            assert data, "cut in the middle"
            received += len(data)
            await trio.sleep(0.01)  # all of it takes several times as long as the peer may be silent


async def test_a_peer_that_stops_during_a_long_message_is_gone_when_its_pong_is_due(autojump_clock):
    """Reading nothing is not a sign of life."""
    seen = []
    app = listening(seen, ping_interval_seconds=5, ping_timeout_seconds=7, send_seconds=100)
    app_sends = App(app.config)

    @app_sends.websocket("/")
    async def handler(ws):
        await ws.accept()
        started = trio.current_time()
        ws.send_nowait(b"x" * 900_000)
        assert (await ws.wait_closed()).code == 1006
        seen.append(trio.current_time() - started)

    async with in_memory(app_sends, pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.open()
        await trio.sleep(50)
    assert seen == [pytest.approx(12, abs=0.5)]
