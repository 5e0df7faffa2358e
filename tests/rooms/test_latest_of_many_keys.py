"""The cost of `Overflow.LATEST` when messages of many keys wait."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

import pytest
import trio
import trio.testing
from support.serving import conversing
from support.waiting import settled

from trioweb import App, Config, Limits, Overflow


async def cost_of_publishing(room, keys):
    """The shortest of many times for publishing a message that replaces a waiting one among `keys`."""
    names = [str(number) for number in range(keys)]
    for name in names:
        await room.publish("first", key=name)
    times = []
    for _ in range(20):
        begun = time.perf_counter()
        for name in names[-100:]:
            await room.publish("next", key=name)
        times.append(time.perf_counter() - begun)
    return min(times)


@pytest.mark.parametrize("listener", ["member", "subscription"])
async def test_the_latest_of_many_keys_costs_no_more_than_of_few(listener, autojump_clock):
    """It is found by its key, not by a search through all waiting messages."""
    costs, is_done = {}, trio.Event()

    async def handler(ws):
        await ws.accept()
        await settled()
        await ws.send("x")  # which stays on its way for as long as the peer does not read
        for keys in (100, 2000):
            room = App().room(str(keys))
            async with AsyncExitStack() as stack:
                if listener == "member":
                    await stack.enter_async_context(room.join(ws, overflow=Overflow.LATEST))
                else:
                    stack.enter_context(room.subscribe(overflow=Overflow.LATEST, most_messages=5000))
                costs[keys] = await cost_of_publishing(room, keys)
        is_done.set()

    config = Config(limits=Limits(outbox_messages=5000))
    async with conversing(handler, config, pair=trio.testing.lockstep_stream_pair) as peer:
        await is_done.wait()
        await peer.receive_frame()

    assert costs[2000] < 4 * costs[100]
