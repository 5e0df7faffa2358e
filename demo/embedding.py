"""Embedding: a Trio program that does its own work, which people can watch over the web.

Try it with `python demo/embedding.py --port 8000 --seconds 60`.

It ends gracefully after that time, on Ctrl-C, or when somebody presses the button on its page.
"""

from __future__ import annotations

import json
import math
import signal
from functools import partial
from time import strftime

import trio

import trioweb
from trioweb import App, Overflow, Request, Text, WebSocket

from parts.page import add_page, command_line

app = App()
add_page(app, "embedding")

# Only the newest time is worth sending: a slow watcher skips the older ones.
watchers = app.room("watchers", overflow=Overflow.LATEST)


@app.websocket("/ws")
async def watch(ws: WebSocket) -> None:
    async with watchers.join(ws):
        async for _ in ws:  # no message is expected: the loop ends when the page leaves
            pass


# This is the program's work. It knows nothing about sockets. It publishes to a room, which never
# waits for a slow watcher and costs next to nothing while it is empty.
async def tick() -> None:
    started = trio.current_time()
    count = 0
    while True:
        fields = {
            "tick": count,
            "time": strftime("%H:%M:%S"),
            "watching": len(watchers),
            "can_stop": "stop" in app.state,
        }
        await watchers.publish(json.dumps(fields))
        count += 1
        await trio.sleep_until(started + count)


@app.post("/stop")
async def stop(request: Request) -> Text:
    if "stop" not in app.state:
        return Text("Another program serves this page: stop that one.\n", 409)
    app.state.stop.set()
    return Text("Stopping.\n", 202)


# The server is one more task in the program's nursery. `start` returns once the server listens, so
# a port in use raises here and nowhere else.
async def main(port: int, seconds: float) -> None:
    app.state.stop = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tick)
        nursery.start_soon(stop_on_signal)
        server = await nursery.start(partial(trioweb.serve, app, port=port))
        print(f"Watch the program at {server.urls[0]} - stop it with Ctrl-C", flush=True)
        with trio.move_on_after(seconds):
            await app.state.stop.wait()
        await server.aclose(reason="the program has ended")  # sends queued messages, then 1001
        nursery.cancel_scope.cancel()
    print("The program has ended.", flush=True)


async def stop_on_signal() -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            app.state.stop.set()


if __name__ == "__main__":
    parser = command_line()
    parser.add_argument("--seconds", type=float, default=math.inf, help="end after so long")
    arguments = parser.parse_args()
    trio.run(main, arguments.port, arguments.seconds)
