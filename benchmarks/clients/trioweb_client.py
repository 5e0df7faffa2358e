"""trioweb with its defaults, except pings, which no client sends here."""

from __future__ import annotations

import trio
from meter import Meter

import trioweb
from trioweb import Config, Timeouts

meter = Meter()
config = Config(timeouts=Timeouts(ping_interval_seconds=None))


async def talk() -> None:
    async with trioweb.connect(meter.url, config=config) as ws:
        for _ in range(meter.depth):
            await ws.send(meter.message)
        while not meter.is_over:
            assert await ws.receive() == meter.message
            meter.done += 1
            await ws.send(meter.message)


async def main() -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(meter.connections):
            nursery.start_soon(talk)
        await meter.measure(trio.sleep)


trio.run(main)
