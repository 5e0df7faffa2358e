"""A wrapper has the life of what it wraps."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from trioweb import EventStream, Response, Stream, Text
from trioweb.middleware.wrapped import Wrapped


async def pieces():
    yield "one"
    yield "two"


@pytest.mark.parametrize(
    "make",
    [
        lambda: Text("onetwo", 201, headers={"X-A": "1"}),
        lambda: Stream(pieces(), 404, content_type="text/plain"),
        lambda: Stream(pieces(), content_bytes=6),
        lambda: EventStream(pieces()),
    ],
)
async def test_a_wrapper_has_the_properties_of_the_wrapped_response(make):
    inner = make()
    outer = Wrapped(inner)
    assert outer.is_streamed
    assert outer.status == inner.status
    assert outer.headers is inner.headers
    assert outer.content_bytes == inner.content_bytes
    assert outer.keepalive == inner.keepalive
    assert outer.ends_at_shutdown == inner.ends_at_shutdown
    assert outer.stops_when_client_leaves == inner.stops_when_client_leaves
    async with aclosing(outer.chunks()) as chunks:
        content = b"".join([chunk async for chunk in chunks])
    async with aclosing(make().chunks()) as chunks:
        assert content == b"".join([chunk async for chunk in chunks])


async def test_a_wrapper_closes_the_wrapped_response():
    class Held(Response):
        is_closed = False

        def close(self):
            self.is_closed = True

    inner = Held()
    Wrapped(inner).close()
    assert inner.is_closed
    inner.is_closed = False
    await Wrapped(inner).aclose()
    assert inner.is_closed


async def test_a_wrapper_ends_when_the_wrapped_response_is_stopped():
    outer = Wrapped(Stream(pieces(), ends_at_shutdown=True))
    given = []
    async with aclosing(outer.chunks()) as chunks:
        async for chunk in chunks:
            given.append(chunk)
            outer.stop()
    assert given == [b"one"]
