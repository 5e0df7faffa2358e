"""Exceptions inside a nursery of a handler, which it raises in a group."""

from __future__ import annotations

import pytest
import trio
from support.serving import in_memory

from trioweb import App, Config, HTTPError, Limits, Text


@pytest.fixture
def app():
    app = App(Config(limits=Limits(body_bytes=5)))

    @app.error_handler(KeyError)
    async def unknown(request, error):
        return Text(f"unknown: {error}", 418)

    async def fail(error):
        raise error

    @app.post("/body")
    async def body(request):
        async with trio.open_nursery() as nursery, trio.open_nursery():
            nursery.start_soon(request.json)

    @app.get("/key")
    async def key(request):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail, KeyError("x"))

    @app.get("/two")
    async def two(request):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail, HTTPError(404))
            nursery.start_soon(fail, ValueError("a bug"))

    @app.middleware
    async def around(request, call_next):
        async with trio.open_nursery():
            if request.path == "/guarded":
                raise HTTPError(403, "not you")
            return await call_next(request)

    return app


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n{", 400),
        (b"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n", 413),
        (b"GET /key HTTP/1.1\r\nHost: x\r\n\r\n", 418),
        (b"GET /guarded HTTP/1.1\r\nHost: x\r\n\r\n", 403),
        (b"GET /two HTTP/1.1\r\nHost: x\r\n\r\n", 500),
    ],
)
async def test_a_single_exception_is_answered_as_if_there_were_no_nursery(
    autojump_clock, app, caplog, request_bytes, status
):
    async with in_memory(app) as peer:
        await peer.send(request_bytes)
        assert (await peer.receive_head()).startswith(f"HTTP/1.1 {status}")
    assert bool([one for one in caplog.records if one.exc_info]) is (status == 500)
