"""A server in a process of its own, which tells what it has done and what that has cost.

It prints its URL and serves until it is killed:

- `/echo` echoes; `/flood` does too, and its traffic is counted;
- `/room` joins the room `everybody` with the overflow policy of the query `policy`;
  `/stalled` joins the room `stalled` too, so that its outboxes can be filled before;
- `/publish` takes `ROOM COUNT MESSAGE_BYTES` and publishes so many messages;
- `/facts` answers anything with what is counted, as JSON.

python -m support.measured_server
"""

from __future__ import annotations

import json
import time
from functools import partial

import trio

import trioweb
from trioweb import App, Overflow, WebSocket

app = App()
flooding: list[WebSocket] = []
stalled: list[WebSocket] = []


@app.websocket("/echo")
async def echo(ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


@app.websocket("/flood")
async def flood(ws: WebSocket) -> None:
    flooding.append(ws)
    await echo(ws)


@app.websocket("/room")
async def join(ws: WebSocket) -> None:
    policy = ws.request.query["policy"]
    async with app.room("everybody").join(ws, overflow=Overflow[policy]):
        await ws.wait_closed()


@app.websocket("/stalled")
async def stall(ws: WebSocket) -> None:
    policy = Overflow[ws.request.query["policy"]]
    async with (
        app.room("everybody").join(ws, overflow=policy),
        app.room("stalled").join(ws, overflow=policy),
    ):
        stalled.append(ws)
        await ws.wait_closed()


@app.websocket("/publish")
async def publish(ws: WebSocket) -> None:
    async for request in ws:
        assert isinstance(request, str)
        name, count, message_bytes = request.split()
        for _ in range(int(count)):
            await app.room(name).publish(b"x" * int(message_bytes))
        await ws.send("published")


@app.websocket("/facts")
async def facts(ws: WebSocket) -> None:
    async for _ in ws:
        outboxes = [one.outbox.statistics() for one in stalled]
        known = {
            "cpu_seconds": time.process_time(),
            "flooded_bytes": sum(
                traffic.received_bytes + traffic.received_control_bytes
                for traffic in (ws.traffic() for ws in flooding)
            ),
            "members": len(app.room("everybody")),
            "least_waiting_bytes": min((outbox.bytes for outbox in outboxes), default=0),
            "least_drops": min((outbox.drops for outbox in outboxes), default=0),
        }
        await ws.send(json.dumps(known))


async def main() -> None:
    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(trioweb.serve, app, port=0))
        print(f"http://127.0.0.1:{server.port}", flush=True)  # noqa: T201 - what the test waits for


if __name__ == "__main__":
    trio.run(main)
