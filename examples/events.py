"""Server-sent events: one response that never ends, and continues after a lost connection.

$ trioweb run examples/events.py
$ curl -N http://127.0.0.1:8000/news
$ curl -d "Tea is ready" http://127.0.0.1:8000/news
"""

import secrets
from collections import deque
from collections.abc import AsyncIterator

import trio

from trioweb import App, EventStream, Limits, Request, ServerSentEvent

app = App()
app.state.published = trio.Event()
kept: deque[ServerSentEvent] = deque(maxlen=100)


@app.get("/news")
async def read(request: Request) -> EventStream:
    return EventStream(follow(request.last_event_id))  # a browser that reconnects sends the last id it saw


async def follow(seen: str | None) -> AsyncIterator[ServerSentEvent]:
    while True:
        published = app.state.published  # taken before looking, so that nothing is missed in between
        ids = [event.id for event in kept]
        for event in list(kept)[ids.index(seen) + 1 if seen in ids else 0 :]:
            yield event
            seen = event.id
        await published.wait()


@app.post("/news", limits=Limits(body_bytes=4096))
async def publish(request: Request) -> None:
    kept.append(ServerSentEvent(await request.text(), id=secrets.token_hex(8)))
    app.state.published.set()
    app.state.published = trio.Event()
