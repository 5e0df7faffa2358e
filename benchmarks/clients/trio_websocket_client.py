"""trio-websocket."""

from __future__ import annotations

import trio
from meter import Meter
from trio_websocket import open_websocket_url

meter = Meter()


async def talk() -> None:
    # With fewer places than messages in flight, its reader would wait for the application.
    async with open_websocket_url(meter.url, message_queue_size=meter.depth) as connection:
        for _ in range(meter.depth):
            await connection.send_message(meter.message)
        while not meter.is_over:
            assert await connection.get_message() == meter.message
            meter.done += 1
            await connection.send_message(meter.message)


async def main() -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(meter.connections):
            nursery.start_soon(talk)
        await meter.measure(trio.sleep)
        nursery.cancel_scope.cancel()


trio.run(main)
