"""A server in a process of its own, which reports its work and what that has cost.

It prints its URL and serves until it is killed:

- `/echo` echoes; `/flood` does too, and its traffic is counted; so do `/deflate`, where messages may
  be compressed, `/deflate/read`, which only reads, and `/unread`, which does not;
- a POST to `/flood` is read to its end, and counted; so is a GET of `/`;
- `/room` joins the room `everybody` with the overflow policy of the query `policy`;
  `/stalled` joins the room `stalled` too, so that its outboxes can be filled before;
- `/publish` takes `ROOM COUNT MESSAGE_BYTES` and publishes that many messages;
- `/turns` takes `BLOCKED_SECONDS SECONDS`; it blocks the event loop, so that all input then comes at once, and
  answers with the length of each later turn of the loop, as JSON;
- `/facts` answers any message with the counts, as JSON.

python -m support.load.measured_server [PING_INTERVAL_SECONDS PING_TIMEOUT_SECONDS]
"""

from __future__ import annotations

import gc
import json
import ssl
import sys
import time
from functools import partial

import trio
import trustme

import trioweb
from trioweb import App, Config, Deflate, Limits, Overflow, Request, Text, Timeouts, WebSocket

app = App()
stalled: list[WebSocket] = []


@app.websocket("/echo")
async def echo(ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


@app.websocket("/flood")
async def flood(ws: WebSocket) -> None:
    await echo(ws)


@app.websocket("/deflate", compression=Deflate())
async def flood_compressed(ws: WebSocket) -> None:
    await flood(ws)


@app.websocket("/deflate/read", compression=Deflate())
async def read(ws: WebSocket) -> None:
    async for _ in ws:
        pass


@app.websocket("/unread")
async def leave_unread(ws: WebSocket) -> None:
    await ws.accept()
    await ws.wait_closed()


@app.post("/flood", limits=Limits(body_bytes=10**12))
async def receive(request: Request) -> Text:
    async for _ in request.stream():
        pass
    return Text("all")


@app.get("/")
async def index(request: Request) -> Text:
    return Text("x")


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


@app.websocket("/turns")
async def turns(ws: WebSocket) -> None:
    """Measure in this thread's own time, so that nothing else on the machine counts."""
    async for request in ws:
        assert isinstance(request, str)
        blocked_seconds, seconds = request.split()
        time.sleep(float(blocked_seconds))  # noqa: ASYNC251 - that is what is asked for
        taken = []
        end = trio.current_time() + float(seconds)
        while trio.current_time() < end:
            started = time.thread_time()
            await trio.lowlevel.checkpoint()
            taken.append(round(time.thread_time() - started, 6))
        await ws.send(json.dumps(taken))


@app.websocket("/facts")
async def facts(ws: WebSocket) -> None:
    async for _ in ws:
        outboxes = [one.outbox.statistics() for one in stalled]
        known = {
            "cpu_seconds": time.process_time(),
            "members": len(app.room("everybody")),
            "least_waiting_bytes": min((outbox.bytes for outbox in outboxes), default=0),
            "least_drops": min((outbox.drops for outbox in outboxes), default=0),
        }
        await ws.send(json.dumps(known))


async def main() -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(tls)
    timeouts = Timeouts()
    if pings := [float(seconds) for seconds in sys.argv[1:]]:
        timeouts = Timeouts(ping_interval_seconds=pings[0], ping_timeout_seconds=pings[1])
    config = Config(timeouts=timeouts)
    gc.freeze()  # or a collection of all imported objects would count as a turn
    async with trio.open_nursery() as nursery:
        secure = await nursery.start(partial(trioweb.serve, app, port=0, ssl_context=tls, config=config))
        print(f"secure {secure.port}")  # noqa: T201 - what the test waits for
        server = await nursery.start(partial(trioweb.serve, app, port=0, config=config))
        print(f"http://127.0.0.1:{server.port}", flush=True)  # noqa: T201 - what the test waits for


if __name__ == "__main__":
    trio.run(main)
