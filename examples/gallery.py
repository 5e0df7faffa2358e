"""The gallery: all examples in one process, under one index page.

Try it with `python examples/gallery.py --port 8000`.

A new example is a module with an `app`, a page in `pages/`, and an entry in `EXAMPLES`.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from html import escape
from pathlib import Path
from types import ModuleType

import attrs
import echo
import embedding
import group_chat
import source_page
import trio

import trioweb
from trioweb import HTML, App, Deflate, HTTPError, Redirect, Request

FOLDER = Path(__file__).parent
PAGES = FOLDER / "pages"


@attrs.frozen(kw_only=True)
class Example:
    """An example's card: its module, what it shows, and a task that runs beside it."""

    module: ModuleType
    title: str
    summary: str
    shows: tuple[str, ...]
    background: Callable[[], Awaitable[None]] | None = None

    @property
    def name(self) -> str:
        return self.module.__name__


EXAMPLES = [
    Example(
        module=echo,
        title="Echo",
        summary="Open a WebSocket, send text or bytes and see them come back; close it with a code and a reason.",
        shows=("text and bytes", "close codes", "HTTP on the same port"),
    ),
    Example(
        module=group_chat,
        title="Group chat",
        summary="One room, everybody in it. Who comes and goes is announced, and a slow member holds up nobody.",
        shows=("rooms", "slow members", "reconnecting"),
    ),
    Example(
        module=embedding,
        title="Embedding",
        summary="A Trio program with work of its own: the server is one more task in its nursery, stopped gracefully.",
        shows=("nursery.start", "publishing", "graceful stop"),
        background=embedding.tick,
    ),
]
BY_NAME = {example.name: example for example in EXAMPLES}


# What runs beside the server lives in its lifespan: started before the first connection,
# cancelled after the last.
@asynccontextmanager
async def lifespan(nursery: trio.Nursery) -> AsyncIterator[None]:
    for example in EXAMPLES:
        if example.background is not None:
            nursery.start_soon(example.background)
    yield


app = App(lifespan=lifespan)
app.static("/shared", PAGES / "shared")

# Each example is an app of its own; here its routes stand under its name.
for one in EXAMPLES:
    app.include(f"/{one.name}", one.module.app)


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
        raise HTTPError(404, f"There is no example {name!r}.")
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
    parser = argparse.ArgumentParser(description="Serve all examples.")
    parser.add_argument("--port", type=int, default=8000)
    trioweb.run(app, port=parser.parse_args().port)
