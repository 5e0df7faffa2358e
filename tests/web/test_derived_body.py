"""A body derived from another response lives as long as that response."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from trioweb import EventStream, Response, Stream, Text
from trioweb._web.derived_body import DerivedBody


def derived(inner: Response) -> Response:
    return Response(DerivedBody(inner), inner.status, headers=inner.headers.lines())


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
async def test_a_derived_body_has_the_properties_of_the_response_it_is_made_of(make):
    inner = make()
    outer = derived(inner)
    assert outer.is_streamed
    assert outer.status == inner.status
    assert outer.headers == inner.headers
    assert outer.content_bytes == inner.content_bytes
    assert outer.filler == inner.filler
    assert outer.stops_when_client_leaves == inner.stops_when_client_leaves
    async with aclosing(outer.chunks()) as chunks:
        content = b"".join([chunk async for chunk in chunks])
    async with aclosing(make().chunks()) as chunks:
        assert content == b"".join([chunk async for chunk in chunks])


async def test_a_derived_body_closes_the_response():
    class Held(Response):
        is_closed = False

        def close(self):
            self.is_closed = True

    inner = Held()
    derived(inner).close()
    assert inner.is_closed
    inner.is_closed = False
    await derived(inner).aclose()
    assert inner.is_closed


async def test_a_derived_body_ends_when_the_response_it_is_made_of_is_stopped():
    outer = derived(Stream(pieces(), ends_at_shutdown=True))
    given = []
    async with aclosing(outer.chunks()) as chunks:
        async for chunk in chunks:
            given.append(chunk)
            outer.stop()
    assert given == [b"one"]
