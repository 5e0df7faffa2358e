"""Push compared: one feed, delivered in four ways, from repeated requests to a WebSocket.

Try it with `python demo/push_compared.py --port 8000`.
"""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from trioweb import (
    JSON,
    App,
    CloseCode,
    CloseWebSocket,
    EventStream,
    Limits,
    Request,
    Response,
    ServerSentEvent,
    WebSocket,
)

from parts.messages import parsed
from parts.page import add_page, serve_alone

LONG_POLL_SECONDS = 25  # many proxies give up after 30


class Feed:
    """A ticker that keeps the newest events, each with an id, for clients that reconnect."""

    def __init__(self) -> None:
        self.run_name = f"{time.time():.0f}"  # so that ids of an earlier run are not taken for ours
        self.count = 0
        self.price = 100.0
        self.events: deque[dict[str, Any]] = deque(maxlen=500)
        self.rate = 2.0
        self.rate_changed = trio.Event()
        self.changed = trio.Event()

    async def run(self) -> None:
        while True:
            rate_changed = self.rate_changed
            with trio.move_on_after(min(random.expovariate(self.rate), 10)):  # as irregular as news is
                await rate_changed.wait()
                continue
            self.tick()

    def tick(self) -> None:
        self.count += 1
        self.price = round(100 + 0.98 * (self.price - 100) + random.uniform(-1, 1), 2)
        self.events.append({"id": self.newest, "at": round(time.time() * 1000, 1), "price": self.price})
        self.wake_all()

    def set_rate(self, rate: float) -> None:
        self.rate = rate
        self.rate_changed.set()
        self.rate_changed = trio.Event()

    def wake_all(self) -> None:
        self.changed.set()
        self.changed = trio.Event()

    @property
    def newest(self) -> str:
        return f"{self.run_name}-{self.count}"

    def since(self, cursor: str) -> list[dict[str, Any]]:
        """Return the events after this id, or all that are kept if it is unknown or too old."""
        events = list(self.events)
        places = [place for place, event in enumerate(events) if event["id"] == cursor]
        return events[places[0] + 1 :] if places else events

    async def after(self, cursor: str) -> list[dict[str, Any]]:
        """Wait for events after this id; return none if everybody was woken for another reason."""
        if events := self.since(cursor):
            return events
        await self.changed.wait()
        return self.since(cursor)


# The cost of a visitor's page, in each of the four ways.
class Visit:
    def __init__(self) -> None:
        self.costs: dict[str, Counter[str]] = defaultdict(Counter)
        self.cut = trio.Event()  # set when the visitor cuts all lines

    def cut_all(self) -> None:
        self.cut.set()
        self.cut = trio.Event()
        feed.wake_all()


@asynccontextmanager
async def lifespan(nursery: trio.Nursery) -> AsyncIterator[None]:
    nursery.start_soon(feed.run)
    yield


app = App(lifespan=lifespan)
add_page(app, "push_compared")
feed = Feed()
visits: dict[str, Visit] = {}


# 1. Polling: an immediate response, most often an empty one.
@app.get("/feed/{visit}/polling")
async def polling(request: Request, visit: str) -> Response:
    return answer("polling", request, visit, feed.since(cursor_of(request)))


# 2. Long polling: the response waits for news, but no longer than proxies allow, and not for a
#    client that has left.
@app.get("/feed/{visit}/long_polling")
async def long_polling(request: Request, visit: str) -> Response:
    cursor, cut = cursor_of(request), visit_of(visit).cut
    events: list[dict[str, Any]] = []
    async with request.cancel_on_disconnect():
        with trio.move_on_after(LONG_POLL_SECONDS):
            while not events and not cut.is_set():
                events = await feed.after(cursor)
    return answer("long_polling", request, visit, events)


def answer(way: str, request: Request, visit: str, events: list[dict[str, Any]]) -> Response:
    cursor = events[-1]["id"] if events else cursor_of(request)
    response = JSON({"events": events, "cursor": cursor}, headers={"Cache-Control": "no-store"})
    down_bytes = head_bytes(response, f"Content-Length: {len(response.body)}") + len(response.body)
    cost = visit_of(visit).costs[way]
    cost.update(requests=1, up_bytes=request_bytes(request), down_bytes=down_bytes)
    return response


# 3. Server-sent events: one endless response. A browser that reconnects sends the last id it has seen.
@app.get("/feed/{visit}/server_sent_events")
async def server_sent_events(request: Request, visit: str) -> Response:
    here = visit_of(visit)
    response = EventStream(told(here, cursor_of(request)), retry_seconds=0.5)
    down_bytes = head_bytes(response, "Transfer-Encoding: chunked") + chunk_bytes(b"retry: 500\n\n")
    cost = here.costs["server_sent_events"]
    cost.update(requests=1, up_bytes=request_bytes(request), down_bytes=down_bytes)
    return response


async def told(here: Visit, cursor: str) -> AsyncIterator[ServerSentEvent]:
    cut = here.cut
    while not cut.is_set():
        for event in await feed.after(cursor):
            cursor = event["id"]
            sent = ServerSentEvent(event, id=cursor)
            here.costs["server_sent_events"].update(down_bytes=chunk_bytes(sent.encode()))
            yield sent
    here.costs["server_sent_events"].update(down_bytes=chunk_bytes(b""))


# 4. A WebSocket: one request, then frames of a few bytes, in both directions.
@app.websocket("/feed/{visit}/websocket", limits=Limits(message_bytes=1024))
async def websocket(ws: WebSocket, visit: str) -> None:
    here = visit_of(visit)
    here.costs["websocket"].update(requests=1, up_bytes=request_bytes(ws.request))
    match parsed(await ws.receive()):
        case {"after": str(cursor)}:
            ws.nursery.start_soon(push, ws, here, cursor)
        case _:
            raise CloseWebSocket(CloseCode.POLICY_VIOLATION, 'expected {"after": …}')
    async for _ in ws:  # no more messages are expected: the loop ends when the page leaves
        pass


async def push(ws: WebSocket, here: Visit, cursor: str) -> None:
    cut, up_bytes, down_bytes = here.cut, 0, 0
    while not cut.is_set():
        for event in await feed.after(cursor):
            cursor = event["id"]
            await ws.send_json(event)
        traffic = ws.traffic()  # frames as they are on the wire, and the response to the handshake
        up = traffic.received_bytes + traffic.received_control_bytes
        down = traffic.sent_handshake_bytes + traffic.sent_bytes + traffic.sent_control_bytes
        here.costs["websocket"].update(up_bytes=up - up_bytes, down_bytes=down - down_bytes)
        up_bytes, down_bytes = up, down
    raise CloseWebSocket(CloseCode.SERVICE_RESTART, "all lines are cut")


# A client's position: an `EventSource` sends it by itself, a script puts it into the query.
def cursor_of(request: Request) -> str:
    return request.last_event_id or request.query.get("after") or feed.newest


def visit_of(name: str) -> Visit:
    return visits.get(name) or Visit()


# The page sets the rate and gets the bill over a WebSocket of its own, which does not count.
@app.websocket("/visit/{name}", limits=Limits(message_bytes=1024))
async def visit(ws: WebSocket, name: str) -> None:
    here = visits[name] = Visit()
    ws.nursery.start_soon(bill, ws, here)
    try:
        async for message in ws:
            match parsed(message):
                case {"type": "rate", "rate": int() | float() as rate} if 0.2 <= rate <= 20:
                    feed.set_rate(rate)
                case {"type": "cut"}:
                    here.cut_all()
                case {"type": "clock", "asked_at": asked_at}:
                    await ws.send_json({"type": "clock", "asked_at": asked_at, "now": time.time() * 1000})
                case _:
                    pass
    finally:
        if visits.get(name) is here:
            del visits[name]


async def bill(ws: WebSocket, here: Visit) -> None:
    while True:
        costs = here.costs
        here.costs = defaultdict(Counter)
        await ws.send_json({"type": "bill", "rate": feed.rate, "newest": feed.newest, "costs": costs})
        await trio.sleep(0.5)


# Every byte of HTTP and of frames counts, as a client would count it on the wire. The bytes of TCP and
# TLS do not count, nor do the few of a WebSocket's close frames.
def request_bytes(request: Request) -> int:
    target = f"{request.raw_path}?{request.query_string}" if request.query_string else request.raw_path
    lines = [f"{request.method} {target} HTTP/1.1", *(f"{k}: {v}" for k, v in request.headers.lines()), ""]
    return sum(len(line) + len("\r\n") for line in lines)


def head_bytes(response: Response, framing: str) -> int:
    date = "Date: Thu, 01 Jan 1970 00:00:00 GMT"
    fields = [f"{name}: {value}" for name, value in response.headers.lines()]
    return sum(len(line) + len("\r\n") for line in ["HTTP/1.1 200 OK", date, framing, *fields, ""])


def chunk_bytes(piece: bytes) -> int:
    return len(f"{len(piece):x}\r\n") + len(piece) + len("\r\n")


if __name__ == "__main__":
    serve_alone(app)
