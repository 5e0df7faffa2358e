"""The example `ticker.py`."""

from __future__ import annotations

import json
from itertools import pairwise


async def test_a_client_gets_one_price_after_the_other(example, site, mock_clock):
    mock_clock.rate = 100
    async with site(example("ticker").app) as there, there.connect("/prices") as client:
        prices = [json.loads(await client.recv())["tea"] for _ in range(3)]
    assert all(abs(later - earlier) <= 1.01 for earlier, later in pairwise(prices))
