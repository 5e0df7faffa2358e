"""EventStream: its head, the items of its source, and what keeps it alive."""

from __future__ import annotations

import math

import pytest

from trioweb import EventStream, LocalProtocolError, ServerSentEvent


async def events(*given):
    for one in given:
        yield one


async def sent(stream: EventStream) -> list[bytes]:
    return [piece async for piece in stream.chunks()]


async def test_a_comment_comes_at_once_and_then_each_event_whole() -> None:
    stream = EventStream(events("a", {"b": 1}, [2], ServerSentEvent("c", id="3")))
    assert await sent(stream) == [
        b":\n\n",
        b"data: a\n\n",
        b'data: {"b":1}\n\n',
        b"data: [2]\n\n",
        b"id: 3\ndata: c\n\n",
    ]


async def test_the_time_before_reconnecting_is_sent_first() -> None:
    assert await sent(EventStream(events(), retry_seconds=0.25)) == [b"retry: 250\n\n"]


@pytest.mark.parametrize("given", [b"bytes", 5, None, ("a",)])
async def test_the_error_for_a_value_that_is_not_an_event_says_what_was_expected(given: object) -> None:
    with pytest.raises(TypeError, match=f"gave {type(given).__name__}: expected ServerSentEvent, str, dict"):
        await sent(EventStream(events(given)))


def test_caches_and_proxies_are_asked_not_to_keep_the_stream() -> None:
    headers = EventStream(events()).headers
    assert headers["content-type"] == "text/event-stream"
    assert headers["cache-control"] == "no-cache, no-transform"
    assert headers["x-accel-buffering"] == "no"


def test_header_fields_of_the_program_take_precedence() -> None:
    headers = EventStream(events(), headers={"Cache-Control": "no-store", "X-A": "b"}).headers
    assert (headers["cache-control"], headers["x-a"]) == ("no-store", "b")


@pytest.mark.parametrize("seconds", [0, -1, math.nan, "15"])
def test_an_invalid_keepalive_is_refused(seconds: float) -> None:
    with pytest.raises(LocalProtocolError, match="keepalive_seconds is above 0, or None"):
        EventStream(events(), keepalive_seconds=seconds)


def test_a_time_that_cannot_be_sent_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="retry_seconds"):
        EventStream(events(), retry_seconds=-1)


def test_a_list_of_events_is_refused() -> None:
    with pytest.raises(TypeError, match="EventStream takes an async iterable"):
        EventStream(["a"])


async def test_an_event_stream_ends_at_a_shutdown_with_or_without_a_keepalive() -> None:
    loud, quiet = EventStream(events("a")), EventStream(events("a"), keepalive_seconds=None)
    assert loud.filler is not None
    assert quiet.filler is None
    for stream in (loud, quiet):
        stream.stop()
        assert await sent(stream) == [b":\n\n"]


async def test_an_event_stream_answers_once() -> None:
    stream = EventStream(events())
    await sent(stream)
    with pytest.raises(LocalProtocolError, match="this EventStream has answered a request"):
        await sent(stream)
