"""websockets on Trio."""

from __future__ import annotations

import trio
from meter import Meter
from websockets.trio.client import connect

meter = Meter()


async def talk() -> None:
    async with connect(meter.url, compression=None, ping_interval=None) as connection:
        for _ in range(meter.depth):
            await connection.send(meter.message)
        while not meter.is_over:
            assert await connection.recv() == meter.message
            meter.done += 1
            await connection.send(meter.message)


async def main() -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(meter.connections):
            nursery.start_soon(talk)
        await meter.measure(trio.sleep)
        nursery.cancel_scope.cancel()


trio.run(main)
