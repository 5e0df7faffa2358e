"""One peer that sends as fast as it can, from a process of its own, and a hundred quiet ones."""

from __future__ import annotations

import json

import pytest
import trio
from support.load.flooder import CONNECTIONS, FLOODS
from support.load.measured import measured_server, program
from support.serving import connected, running

from trioweb import App, Config, Limits, Timeouts
from trioweb.testing import BINARY, TEXT, close_frame, frame

QUIET_PEERS = 100
MESSAGE = frame(TEXT, b"thirty-two bytes of quiet speech")
TIMES_AS_LONG = 3
LOOKS = 3
"""A flood delays others all the time; a single delay is a garbage collection."""


async def turns(meter, *, seconds, blocked_seconds=0.0):
    """The length of the server's turns, in the time of its own thread, so that the machine does not matter."""
    await meter.send_text(f"{blocked_seconds} {seconds}")
    return sorted(json.loads(await meter.receive_text()))


async def turn_of_quiet_peers(server, meter):
    """The longest turn when a hundred peers have spoken at once."""
    peers = [await server.connect("/echo") for _ in range(QUIET_PEERS)]
    longest = []
    for _ in range(5):
        async with trio.open_nursery() as nursery:
            for peer in peers:
                nursery.start_soon(peer.send, MESSAGE)
            longest.append((await turns(meter, seconds=0.05, blocked_seconds=0.05))[-1])
        for peer in peers:
            await peer.receive_frame()
    return max(longest)


def turn_that_is_met(turns):
    """The length of the current turn, at 99 of 100 moments."""
    left_seconds = sum(turns) / 100
    while (left_seconds := left_seconds - turns[-1]) > 0:
        turns.pop()
    return turns[-1]


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["plain", "tls"])
@pytest.mark.parametrize("flood", [*FLOODS, CONNECTIONS])
async def test_a_flood_from_one_peer_hardly_delays_the_others(flood, transport):
    """A quiet peer waits for the turn in progress when it sends, and for its own."""
    async with measured_server() as server:
        meter = await server.connect("/turns")
        quiet_seconds = await turn_of_quiet_peers(server, meter)
        port = server.port if transport == "plain" else server.secure_port
        with program("support.load.flooder", port, flood, transport) as flooder:
            flooder.wait_for("flooding")
            for _ in range(LOOKS):
                flooded_seconds = turn_that_is_met(await turns(meter, seconds=0.6))
                if flooded_seconds < TIMES_AS_LONG * quiet_seconds:
                    return
    pytest.fail(f"turns of {flooded_seconds} s, and of {quiet_seconds} s without the flood")


async def test_a_peer_whose_inbox_is_full_waits_alone_and_loses_nothing():
    """The flood exceeds the kernels' buffers, so the sender stops when the server stops reading."""
    app = App(Config(timeouts=Timeouts(drain_seconds=1, close_seconds=1, handler_grace_seconds=1)))
    go_on, all_read = trio.Event(), trio.Event()
    held, received, sent = [], [], []
    messages, message_bytes = 8000, 8192

    @app.websocket("/echo")
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    @app.websocket("/flood")
    async def handler(ws):
        await ws.accept()
        held.append(ws)
        await go_on.wait()
        async for message in ws:
            received.append(int(message[:8]))
        all_read.set()

    async def flood(peer):
        for number in range(messages):
            await peer.send(frame(BINARY, b"%08d" % number + bytes(message_bytes - 8)))
            sent.append(number)
        await peer.send(close_frame(1000))

    async with running(app) as server, connected(server) as flooder, connected(server) as quiet:
        await flooder.open("/flood")
        await quiet.open("/echo")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(flood, flooder)
            seen = -1
            while (
                len(sent) > seen
            ):  # two hundred round trips of another peer later, there is not one message more
                seen = len(sent)
                for _ in range(200):
                    await quiet.send_text("still there?")
                    await quiet.receive_text()
            assert seen < messages, "the window never closed"
            assert held[0]._intake.received_bytes < 2 * Limits().inbox_bytes
            go_on.set()
            with trio.fail_after(20):
                await all_read.wait()
        await flooder.receive_end()
    assert received == list(range(messages))
