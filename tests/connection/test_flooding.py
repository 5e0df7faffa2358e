"""One peer that sends as fast as it can, from a process of its own, and a hundred quiet ones."""

from __future__ import annotations

from itertools import count
from statistics import median

import pytest
import trio
from support.measured import measured_server, program
from support.peer import BINARY, PING, TEXT, Peer, connected, frame
from support.serving import running
from support.waiting import until

from trioweb import App, Limits

QUIET_PEERS = 100
WARM_UP_SECONDS, MEASURED_SECONDS = 0.5, 2
TIMES_AS_LONG = 5


async def round_trips(peers, seconds):
    """Let each peer wait for its echo before it sends again; return how long each took."""
    taken_seconds = []
    message = frame(TEXT, b"thirty-two bytes of quiet speech")

    async def converse(peer):
        while True:
            started = trio.current_time()
            await peer.send(message)
            await peer.receive_frame()
            taken_seconds.append(trio.current_time() - started)

    with trio.move_on_after(seconds):
        async with trio.open_nursery() as nursery:
            for peer in peers:
                nursery.start_soon(converse, peer)
    return taken_seconds
