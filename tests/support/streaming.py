"""Streamed responses: reading their chunks, and sources that record what happened to them."""

from __future__ import annotations

import trio

from trioweb import App, Config

GET = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def receive_chunk(peer):
    """Return the next chunk, `b""` for the one that ends the body (RFC 9112 §7.1)."""
    while b"\r\n" not in peer.buffer:
        data = await peer.stream.receive_some(65536)
        assert data, f"the answer ended after {peer.buffer!r}"
        peer.buffer += data
    line, _, peer.buffer = peer.buffer.partition(b"\r\n")
    chunk = await peer.receive_exactly(int(line, 16))
    assert await peer.receive_exactly(2) == b"\r\n"
    return chunk


async def receive_chunks(peer):
    """Return the rest of a chunked body."""
    body = b""
    while chunk := await receive_chunk(peer):
        body += chunk
    return body


class Source:
    """An async generator that yields these pieces, and then calls a given function.

    It records what it yielded, whether its `finally` block ran, and that one task did it all.
    """

    def __init__(self, *pieces, then=None):
        self.pieces = pieces
        self.then = then
        self.given = 0
        self.begun = 0
        self.ended = trio.Event()
        self.tasks = set()
        self.was_cancelled = False

    async def run(self):
        self.begun += 1
        self.tasks.add(trio.lowlevel.current_task())
        try:
            for piece in self.pieces:
                self.given += 1
                yield piece
            if self.then is not None:
                await self.then()
        except trio.Cancelled:
            self.was_cancelled = True
            raise
        finally:
            self.tasks.add(trio.lowlevel.current_task())
            assert not self.ended.is_set()
            self.ended.set()


def serving(make_response, *, path="/", **options):
    """Return an app that answers `/` with `make_response()`, and `/next` with a word."""
    app = App(Config(**options))

    @app.get(path)
    async def answer(request):
        return make_response()

    @app.get("/next")
    async def following(request):
        return "next"

    return app
