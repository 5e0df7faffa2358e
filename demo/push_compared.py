"""Push compared: one feed, told in four ways, from asking again and again to a WebSocket.

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
    """A ticker. It keeps the newest events, each with an id, for those who were away for a while."""

    def __init__(self) -> None:
        self.run_name = f"{time.time():.0f}"  # so that ids of an earlier run are not mistaken for ours
        self.count = 0
        self.price = 100.0
        self.events: deque[dict[str, Any]] = deque(maxlen=500)
        self.rate = 2.0
        self.rate_changed = trio.Event()
        self.changed = trio.Event()

    async def run(self) -> None:
        while True:
            rate_changed = self.rate_changed
            with trio.move_on_after(min(random.expovariate(self.rate), 10)):  # news is irregular
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
        """Return the events behind this id: all that are kept, if it is older than they or unknown."""
        events = list(self.events)
        places = [place for place, event in enumerate(events) if event["id"] == cursor]
        return events[places[0] + 1 :] if places else events

    async def after(self, cursor: str) -> list[dict[str, Any]]:
        """Return them as soon as there are some; nothing, if everybody was woken for another reason."""
        if events := self.since(cursor):
            return events
        await self.changed.wait()
        return self.since(cursor)


# What a visitor's page has cost, in each of the four ways.
class Visit:
    def __init__(self) -> None:
        self.costs: dict[str, Counter[str]] = defaultdict(Counter)
        self.cut = trio.Event()  # set when the visitor wants to see all lines cut

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


# 1. Polling: an answer at once, most often an empty one.
@app.get("/feed/{visit}/polling")
async def polling(request: Request, visit: str) -> Response:
    return answer("polling", request, visit, feed.since(cursor_of(request)))


# 2. Long polling: the answer waits for news. A time limit is there for the proxies in between, and a
#    client that has gone is waited for no longer.
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


# 3. Server-sent events: an answer without an end. A browser that comes again says what it has seen.
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
    async for _ in ws:  # nothing more is expected; the loop ends when the page goes
        pass


async def push(ws: WebSocket, here: Visit, cursor: str) -> None:
    cut, up_bytes, down_bytes = here.cut, 0, 0
    while not cut.is_set():
        for event in await feed.after(cursor):
            cursor = event["id"]
            await ws.send_json(event)
        traffic = ws.traffic()  # frames as they are on the wire, and the handshake's answer
        up = traffic.received_bytes + traffic.received_control_bytes
        down = traffic.sent_handshake_bytes + traffic.sent_bytes + traffic.sent_control_bytes
        here.costs["websocket"].update(up_bytes=up - up_bytes, down_bytes=down - down_bytes)
        up_bytes, down_bytes = up, down
    raise CloseWebSocket(CloseCode.SERVICE_RESTART, "all lines are cut")


# Where a client stands: what an `EventSource` says by itself, or what a script has put into the query.
def cursor_of(request: Request) -> str:
    return request.last_event_id or request.query.get("after") or feed.newest


def visit_of(name: str) -> Visit:
    return visits.get(name) or Visit()


# The page steers and asks for the bill over a WebSocket of its own, which does not count.
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


# Every byte of HTTP and of frames counts, as a client would count it on the wire. TCP's and TLS's do not,
# nor do the few with which a WebSocket closes.
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
