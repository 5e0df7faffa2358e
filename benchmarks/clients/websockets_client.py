"""websockets on asyncio."""

from __future__ import annotations

import asyncio

from meter import Meter
from websockets.asyncio.client import connect

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
    async with asyncio.TaskGroup() as group:
        for _ in range(meter.connections):
            group.create_task(talk())
        await meter.measure(asyncio.sleep)


asyncio.run(main())
