"""aiohttp."""

from __future__ import annotations

import asyncio

from aiohttp import ClientSession
from meter import Meter

meter = Meter()


async def talk(session: ClientSession) -> None:
    async with session.ws_connect(meter.url) as ws:
        for _ in range(meter.depth):
            await ws.send_bytes(meter.message)
        while not meter.is_over:
            assert await ws.receive_bytes() == meter.message
            meter.done += 1
            await ws.send_bytes(meter.message)


async def main() -> None:
    async with ClientSession() as session, asyncio.TaskGroup() as group:
        for _ in range(meter.connections):
            group.create_task(talk(session))
        await meter.measure(asyncio.sleep)


asyncio.run(main())
