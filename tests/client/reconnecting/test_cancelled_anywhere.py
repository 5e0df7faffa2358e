"""`reconnecting`, cancelled at each of its checkpoints in turn."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from support.links.changing_site import AWAY, Site, refusal

from trioweb import CloseWebSocket, ConnectionClosed
from trioweb.testing import check_cancellation


@pytest.mark.slow
@pytest.mark.parametrize("is_closing", [False, True], ids=["dropped", "with aclosing"])
async def test_a_cancelled_loop_leaves_no_task_behind(autojump_clock, nursery, is_closing):
    sites = []

    async def handle(ws):
        await ws.send('{"position": "1", "message": "hello"}')
        raise CloseWebSocket(1011)

    async def talk(loop):
        count = 0
        async for ws in loop:
            count += 1
            try:
                assert await ws.receive() == '"hello"'
                if count == 3:
                    break
                await ws.receive()
            except ConnectionClosed:
                continue

    async def scenario():
        sites.append(site := Site(nursery))
        site.handle = handle
        site.answers = [AWAY, site.app, refusal(503, Retry_After="1")]
        loop = site.loop(resume="since")
        if not is_closing:
            await talk(loop)
            return
        async with aclosing(loop):
            await talk(loop)

    assert await check_cancellation(scenario) > 10
    assert len(sites) > 20
