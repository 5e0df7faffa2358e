"""The example `ticker.py`."""

from __future__ import annotations

from itertools import pairwise

import pytest
import trio


@pytest.fixture
def app(example):
    return example("ticker").app


async def test_a_client_gets_a_price_each_second(client, autojump_clock):
    prices = []
    async with client.websocket("/prices") as ws:
        began = trio.current_time()
        while len(prices) < 4:
            prices.append((await ws.expect_json())["tea"])
    assert trio.current_time() - began <= 4
    assert all(abs(later - earlier) <= 1.01 for earlier, later in pairwise(prices))
