"""Requests whose body is not read, or not whole, and an app that answers them."""

from __future__ import annotations

from contextlib import aclosing

from trioweb import App, Config

LONG = 40_000_000
POST = b"POST / HTTP/1.1\r\nHost: x\r\n%s\r\n"
SIZED = POST % b"Content-Length: %d\r\n"
CHUNKED = POST % b"Transfer-Encoding: chunked\r\n"


async def begin(request):
    """Read only the first piece of a body."""
    async with aclosing(request.stream()) as pieces:
        assert await anext(pieces)


def posting(answer, **options):
    """Return an app that responds to POST with `answer(request)`."""
    app = App(Config(**options))

    @app.post("/")
    async def post(request):
        return answer(request)

    @app.get("/next")
    async def following(request):
        return "next"

    return app
