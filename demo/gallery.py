"""The gallery: all its pages in one process, with an index.

Try it with `python demo/gallery.py --port 8000`.

A new page is a module with an `app`, an HTML file in `pages/`, and an entry in `EXAMPLES`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from importlib import import_module
from pathlib import Path

import attrs
import trio

from trioweb import HTML, App, Deflate, HTTPError, Redirect, Request, Response
from trioweb.middleware import Next, SecurityHeaders

import echo
import embedding
from parts import source_page
from parts.page import PAGES, serve_alone

FOLDER = Path(__file__).parent


@attrs.frozen
class Example:
    """An example's card: the name of its module and page, and what it shows."""

    name: str
    title: str
    summary: str
    shows: tuple[str, ...]


EXAMPLES = [
    Example(
        "echo",
        "Echo",
        "Open a WebSocket, send text or bytes and see them come back; close it with a code and a reason.",
        ("text and bytes", "close codes", "HTTP on the same port"),
    ),
    Example(
        "browser_api",
        "The browser's WebSocket",
        "Every property, event and method of the browser's WebSocket, tested against this server, row by row.",
        ("binaryType", "bufferedAmount", "close codes both ways"),
    ),
    Example(
        "frames",
        "Frames",
        "The real frames of a live connection, both ways, drawn bit by bit as they cross the wire.",
        ("masking", "fragments", "watching the wire"),
    ),
    Example(
        "heartbeat",
        "Heartbeat",
        "Round-trip times as they are measured, and what a server notices when a client plays dead.",
        ("ping and pong", "deadlines", "live plot"),
    ),
    Example(
        "push_compared",
        "Push compared",
        "Polling, long polling, server-sent events and a WebSocket side by side, on one feed, each counted.",
        ("EventStream", "long polling", "requests, bytes, delay"),
    ),
    Example(
        "group_chat",
        "Group chat",
        "One room, everybody in it. Arrivals and departures are announced, and a slow member holds up nobody.",
        ("rooms", "slow members", "reconnecting"),
    ),
    Example(
        "private_chat",
        "Private chat",
        "Log in, write to one person. The server decides who you are; a message cannot pretend otherwise.",
        ("signed cookie", "subprotocol", "delivery reports"),
    ),
    Example(
        "voice",
        "Voice",
        "Speak, hear yourself come back, and let others tune in; a slow listener skips audio and never holds you up.",
        ("binary messages", "backpressure", "live audio"),
    ),
    Example(
        "upload",
        "Upload",
        "Files whole or in slices, several at once, with progress; they resume where the connection broke.",
        ("streamed to disk", "acknowledgement", "resuming"),
    ),
    Example(
        "embedding",
        "Embedding",
        "A Trio program with work of its own: the server is one more task in its nursery, stopped gracefully.",
        ("nursery.start", "publishing", "graceful stop"),
    ),
]
BY_NAME = {example.name: example for example in EXAMPLES}


# Tasks beside the server belong in its lifespan: they start before the first connection and are
# cancelled after the last. Included apps bring their own lifespans. Embedding has none, since it is
# a program in itself, so its clock runs here.
@asynccontextmanager
async def lifespan(nursery: trio.Nursery) -> AsyncIterator[None]:
    nursery.start_soon(embedding.tick)
    yield


app = App(lifespan=lifespan)
app.static("/shared", PAGES / "shared")

# Without this, a browser that once tried TLS would refuse plain HTTP to this host for a year.
stricter = SecurityHeaders(strict_transport_security=None)


@app.middleware
async def secure(request: Request, call_next: Next) -> Response:
    if request.path.startswith("/push_compared/feed/"):  # its responses are counted by the byte
        return await call_next(request)
    return await stricter(request, call_next)


# Each example is an app. Here its routes are under its name.
for one in EXAMPLES:
    app.include(f"/{one.name}", import_module(one.name).app)


@app.get("/")
async def index(request: Request) -> HTML:
    template = await trio.Path(PAGES / "gallery.html").read_text(encoding="utf-8")
    return HTML(template.replace("<!-- cards -->", "\n".join(map(card, EXAMPLES))))


app.websocket("/", limits=echo.LIMITS, compression=Deflate())(echo.echo)


@app.get("/{name}")
async def add_slash(request: Request, name: str) -> Redirect:
    return Redirect(f"{known(name).name}/", 308)


@app.get("/source/{name}")
async def source(request: Request, name: str) -> HTML:
    example = known(name)
    files = [FOLDER / f"{name}.py", PAGES / f"{name}.html"]
    texts = {path.name: await trio.Path(path).read_text(encoding="utf-8") for path in files}
    template = await trio.Path(PAGES / "source.html").read_text(encoding="utf-8")
    return HTML(source_page.render(template, name=name, title=example.title, texts=texts))


def known(name: str) -> Example:
    if name not in BY_NAME:
        raise HTTPError(404, f"There is no example “{name}”: all that there are stand at /.")
    return BY_NAME[name]


def card(example: Example) -> str:
    tags = "".join(f"<li>{escape(one)}</li>" for one in example.shows)
    return f"""\
<li class="card example">
  <h2><a href="{example.name}/">{escape(example.title)}</a></h2>
  <p>{escape(example.summary)}</p>
  <ul class="tags" aria-label="It shows">{tags}</ul>
  <p class="links"><a class="source" href="source/{example.name}" aria-label="Source of {escape(example.title)}">Source</a></p>
</li>"""


if __name__ == "__main__":
    serve_alone(app)
