"""One peer that sends as fast as it can, from a process of its own, and a hundred quiet ones."""

from __future__ import annotations

import signal
from statistics import median

import pytest
import trio
from support.measured import measured_server, program
from support.peer import BINARY, PING, TEXT, close_frame, connected, frame
from support.serving import running

from trioweb import App, Config, Limits, Timeouts

QUIET_PEERS = 100
MESSAGE = frame(TEXT, b"thirty-two bytes of quiet speech")
WINDOWS = 3
WINDOW_SECONDS = 0.4
TIMES_AS_LONG = 5


async def round_trips(peers, pause_seconds):
    """How long each echo took, every peer waiting for its own before it sends again."""
    taken_seconds = []
    end = trio.current_time() + WINDOW_SECONDS

    async def converse(peer, first_pause_seconds):
        await trio.sleep(first_pause_seconds)
        while (started := trio.current_time()) < end:
            await peer.send(MESSAGE)
            await peer.receive_frame()
            taken_seconds.append(trio.current_time() - started)
            await trio.sleep(pause_seconds)

    async with trio.open_nursery() as nursery:
        for number, peer in enumerate(peers):
            nursery.start_soon(converse, peer, pause_seconds * number / len(peers))
    return taken_seconds


async def settle(server):
    """Wait until the server has worked through what kernels hold of the flood, some seconds' work."""
    seen = None
    while (received := await flooded_bytes(server)) != seen:
        seen = received
        for _ in range(200):  # one read of tiny frames is many turns
            await server.facts()


async def flooded_bytes(server):
    return (await server.facts())["flooded_bytes"]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("pause_seconds", [0, 0.05], ids=["at once", "with pauses"])
@pytest.mark.parametrize(
    ("opcode", "payload_bytes"),
    [(TEXT, 1), (BINARY, 256 * 1024), (PING, 0), (PING, 125)],
    ids=["tiny messages", "large messages", "empty pings", "pings"],
)
async def test_a_flood_from_one_peer_hardly_delays_the_others(opcode, payload_bytes, pause_seconds):
    """With and without the flood in turns, so that whatever else the machine does is in both.

    Peers that send at once keep the server busy themselves; to those that pause it is idle
    without the flood, so the length of one turn shows.
    """
    quiet_seconds, flooded_seconds = [], []
    async with measured_server() as server:
        peers = [await server.connect("/echo") for _ in range(QUIET_PEERS)]
        with program("support.flooder", server.port, "/flood", opcode, payload_bytes) as flooder:
            flooder.wait_for("flooding")
            for _ in range(WINDOWS):
                flooded_seconds += await round_trips(peers, pause_seconds)
                flooder.process.send_signal(signal.SIGSTOP)
                await settle(server)
                quiet_seconds += await round_trips(peers, pause_seconds)
                flooder.process.send_signal(signal.SIGCONT)
        assert await flooded_bytes(server) > 100_000, "there was no flood"

    assert median(flooded_seconds) < TIMES_AS_LONG * median(quiet_seconds)


async def test_a_peer_whose_inbox_is_full_waits_alone_and_loses_nothing():
    """More is sent than kernels hold, so the sender stops when the server has stopped reading."""
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
            while len(sent) > seen:  # two hundred round trips of another peer and not one message more
                seen = len(sent)
                for _ in range(200):
                    await quiet.send_text("still there?")
                    await quiet.receive_text()
            assert seen < messages, "the window never closed"
            assert held[0].traffic().received_bytes < 2 * Limits().inbox_bytes
            go_on.set()
            with trio.fail_after(20):
                await all_read.wait()
        await flooder.receive_end()
    assert received == list(range(messages))
