"""Ticker: one task makes prices, and any number of clients watch them.

$ trioweb run examples/ticker.py
$ python -m websockets ws://127.0.0.1:8000/prices
"""

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from trioweb import App, Overflow, WebSocket


@asynccontextmanager
async def lifespan(nursery: trio.Nursery) -> AsyncIterator[None]:
    nursery.start_soon(tick)  # starts before the first connection, and is cancelled after the last
    yield


app = App(lifespan=lifespan)
prices = app.room("prices", overflow=Overflow.LATEST)  # a slow client skips to the newest price


async def tick() -> None:
    price = 100.0
    while True:
        price = round(max(1.0, price + random.uniform(-1, 1)), 2)
        await prices.publish(json.dumps({"tea": price}), key="tea")
        await trio.sleep(1)


@app.websocket("/prices")
async def watch(ws: WebSocket) -> None:
    async with prices.join(ws):
        async for _ in ws:  # nothing is expected: the loop ends when the client leaves
            pass
