"""Pings of either side, and keepalive, as programs for other clients expect them."""

from __future__ import annotations

import math

import pytest
import trio
import trio.testing
from support.server_manners import end
from support.waiting import settled

from trioweb import (
    Config,
    ConnectionClosedError,
    Timeouts,
)
from trioweb.testing import PING, PONG, close_frame


async def test_a_ping_returns_when_its_pong_has_come(autojump_clock, over_memory):
    async with over_memory() as (ws, peer), trio.open_nursery() as nursery:
        latencies = []

        @nursery.start_soon
        async def ping():
            latencies.append(await ws.ping())

        got = await peer.receive_frame()
        assert got.opcode == PING
        await peer.send_frame(PONG, b"of another ping")
        await settled()
        assert not latencies
        await peer.send_frame(PONG, got.payload)
        await settled()
        assert latencies == [ws.latency_seconds]
        assert math.isfinite(latencies[0])


async def test_a_pong_also_answers_the_pings_before_it(autojump_clock, over_memory):
    async with over_memory() as (ws, peer), trio.open_nursery() as nursery:
        nursery.start_soon(ws.ping)
        nursery.start_soon(ws.ping)
        first, second = await peer.receive_frame(), await peer.receive_frame()
        assert first.payload != second.payload
        await peer.send_frame(PONG, second.payload)


async def test_a_pong_that_nobody_asked_for_is_ignored(autojump_clock, over_memory):
    async with over_memory() as (ws, peer):
        await peer.send_frame(PONG, b"unasked")
        await peer.send_text("next")
        assert await ws.receive() == "next"


async def test_a_ping_that_is_waiting_fails_when_the_connection_ends(autojump_clock, over_memory):
    async with over_memory() as (ws, peer), trio.open_nursery() as nursery:

        @nursery.start_soon
        async def ping():
            with pytest.raises(ConnectionClosedError):
                await ws.ping()

        await peer.receive_frame()
        await peer.stream.aclose()


async def test_pings_are_answered_while_nobody_receives(autojump_clock, over_memory):
    async with over_memory() as (_, peer):
        for payload in (b"", b"a", bytes(125)):
            await peer.send_frame(PING, payload)
            answer = await peer.receive_frame()
            assert (answer.opcode, answer.payload) == (PONG, payload)


async def test_keepalive_measures_the_latency(autojump_clock, over_memory):
    config = Config(timeouts=Timeouts(ping_interval_seconds=3))
    async with over_memory(config=config) as (ws, peer):
        for _ in range(3):
            ping = await peer.receive_frame()
            assert ping.opcode == PING
            await peer.send_frame(PONG, ping.payload)
        await settled()
        assert ws.latency_seconds is not None
        assert trio.current_time() == pytest.approx(9, abs=1.5)
        await end(peer)


async def test_without_keepalive_no_ping_is_sent(autojump_clock, over_memory):
    config = Config(timeouts=Timeouts(ping_interval_seconds=None))
    async with over_memory(config=config) as (ws, peer):
        await trio.sleep(1000)
        await ws.send("first")
        assert await peer.receive_text() == "first"
        await end(peer)


async def test_without_a_time_out_of_pings_a_silent_server_is_kept(autojump_clock, over_memory):
    config = Config(timeouts=Timeouts(ping_interval_seconds=3, ping_timeout_seconds=None))
    async with over_memory(config=config) as (ws, peer):
        await trio.sleep(1000)
        assert ws.closed is None
        await peer.send_text("here again")
        assert await ws.receive() == "here again"
        while (await peer.receive_frame()).opcode == PING:
            await peer.send(close_frame(1000, mask=None))
