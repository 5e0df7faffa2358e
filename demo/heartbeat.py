"""Heartbeat: is the other side still there? The protocol asks, and so does the application.

Try it with `python demo/heartbeat.py --port 8000`.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice
from typing import Any

import trio

import trioweb
from trioweb import App, Close, CloseCode, Config, Limits, Overflow, Timeouts, WebSocket

from parts.messages import parsed
from parts.page import add_page, serve_alone

BEAT_SECONDS = 1
SILENCE_SECONDS = 5
NO_HEARTBEAT = 4001  # 4000 to 4999 are for applications
MOST_SILENT_CLIENTS = 4
MOST_SHOWN = 50


@asynccontextmanager
async def lifespan(nursery: trio.Nursery) -> AsyncIterator[None]:
    app.state.nursery = nursery
    nursery.start_soon(report)
    yield


app = App(lifespan=lifespan)
add_page(app, "heartbeat")


# A browser answers the protocol's pings by itself, even for a page that hangs, and shows its page
# neither pings nor pongs. To know that the *application* is alive, send messages both ways.
@app.websocket("/ws", limits=Limits(message_bytes=1024))
async def beat(ws: WebSocket) -> None:
    with present(ws, "page") as peer:
        async with watchers.join(ws):
            await ws.send_json({"type": "welcome", "name": peer.name})
            ws.nursery.start_soon(measure, ws, peer, "protocol", ws.ping)
            ws.nursery.start_soon(measure, ws, peer, "application", partial(ask, ws, peer))
            try:
                await listen(ws, peer)
            except trio.TooSlowError:
                await ws.aclose(NO_HEARTBEAT, f"no heartbeat for {SILENCE_SECONDS} s")


# For this a server needs nothing but a deadline around `receive`.
async def listen(ws: WebSocket, peer: Peer) -> None:
    while True:
        with trio.fail_after(SILENCE_SECONDS):
            message = await ws.receive()
        peer.heard_at = trio.current_time()
        match parsed(message):
            case {"type": "ping", "number": int(number)}:
                await ws.send_json({"type": "pong", "number": number})
            case {"type": "pong", "number": peer.asked}:
                peer.answered.set()
            case {"type": "silent client"} if len(silent_clients) < MOST_SILENT_CLIENTS:
                ours, theirs = trio.socket.socketpair()
                silent_clients.add(theirs)
                app.state.nursery.start_soon(stay_silent, ours, theirs)
            case _:
                pass  # any message is a sign of life


# `ws.ping()` returns the seconds until its pong; `ask` does the same with messages. A beat counts as
# missed when the next one is due before its answer has come.
async def measure(ws: WebSocket, peer: Peer, kind: str, ping: Callable[[], Awaitable[float]]) -> None:
    while True:
        due = trio.current_time() + BEAT_SECONDS
        seconds = None
        with trio.move_on_at(due):
            seconds = await ping()
        peer.beats[kind] = seconds
        await ws.send_json({"type": "beat", "kind": kind, "seconds": seconds})
        await trio.sleep_until(due)


async def ask(ws: WebSocket, peer: Peer) -> float:
    peer.asked += 1
    peer.answered = trio.Event()
    asked_at = trio.current_time()
    await ws.send_json({"type": "ping", "number": peer.asked})
    await peer.answered.wait()
    return trio.current_time() - asked_at


# The protocol's heartbeat needs no code. After `ping_interval_seconds` of silence trioweb sends a ping,
# and after `ping_timeout_seconds` more it drops the connection. For the handler, the loop ends.
quiet = App(Config(timeouts=Timeouts(ping_interval_seconds=2, ping_timeout_seconds=3, close_seconds=1)))


@quiet.websocket("/")
async def only_listen(ws: WebSocket) -> None:
    with present(ws, "silent client"):
        async for _ in ws:
            pass


# To see that happen, a client has to be dead: this one completes the handshake and then neither reads
# nor answers, like a phone in a tunnel. `serve_stream` serves that one connection until it ends.
silent_clients: set[trio.socket.SocketType] = set()


async def stay_silent(ours: trio.socket.SocketType, theirs: trio.socket.SocketType) -> None:
    try:
        await theirs.send(
            b"GET / HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await trioweb.serve_stream(quiet, trio.SocketStream(ours))
    finally:
        silent_clients.remove(theirs)
        theirs.close()


# The server's view: the peers that are here, and how others left. One task reports it to all pages.
@dataclass
class Peer:
    name: str
    heard_at: float
    asked: int = 0
    answered: trio.Event = field(default_factory=trio.Event)
    beats: dict[str, float | None] = field(default_factory=dict[str, float | None])


watchers = app.room("watchers", overflow=Overflow.LATEST)
numbers = count(1)
peers: dict[WebSocket, Peer] = {}
gone: deque[dict[str, Any]] = deque(maxlen=20)


@contextmanager
def present(ws: WebSocket, kind: str) -> Iterator[Peer]:
    peer = peers[ws] = Peer(f"{kind} {next(numbers)}", heard_at=trio.current_time())
    try:
        yield peer
    finally:
        del peers[ws]
        code, reason = ws.closed or Close(CloseCode.ABNORMAL_CLOSURE)
        gone.append({"name": peer.name, "code": code, "reason": reason, "at": time.time()})


async def report() -> None:
    while True:
        now = trio.current_time()
        here = [
            {"name": peer.name, "silence_seconds": now - peer.heard_at, **peer.beats}
            for peer in islice(peers.values(), MOST_SHOWN)
        ]
        is_full = len(silent_clients) >= MOST_SILENT_CLIENTS
        view = {"type": "peers", "count": len(peers), "here": here, "gone": list(gone), "is_full": is_full}
        await watchers.publish(json.dumps(view))
        await trio.sleep(BEAT_SECONDS / 2)


if __name__ == "__main__":
    serve_alone(app)
