"""Event streams, seen by clients and by the clock."""

from __future__ import annotations

from functools import partial

import httpx
import pytest
import trio
import trio.testing
from support.serving import connected, in_memory, running
from support.streaming import GET, Source, receive_chunk, receive_chunks, serving

import trioweb
from trioweb import EventStream, Response, ServerSentEvent, Text, Timeouts
from trioweb.testing import RawPeer


def events(source, **options):
    return serving(lambda: EventStream(source.run(), **options))


async def test_the_head_and_a_comment_leave_before_there_is_any_event(autojump_clock):
    async with in_memory(events(Source(then=trio.sleep_forever))) as peer:
        started = trio.current_time()
        await peer.send(GET % b"/")
        head = (await peer.receive_head()).lower()
        assert "content-type: text/event-stream\r\n" in head
        assert "cache-control: no-cache, no-transform" in head
        assert "x-accel-buffering: no" in head
        assert await receive_chunk(peer) == b":\n\n"
        assert trio.current_time() == started


async def test_a_head_request_does_not_start_the_source(autojump_clock):
    source = Source("a")
    async with in_memory(events(source)) as peer:
        await peer.send((GET % b"/").replace(b"GET", b"HEAD") + GET % b"/next")
        assert "text/event-stream" in await peer.receive_head()
        assert (await peer.receive_response())[1] == b"next"
    assert source.begun == 0


async def test_over_http_1_0_events_come_as_they_are(autojump_clock):
    async with in_memory(events(Source("a"))) as peer:
        await peer.send(b"GET / HTTP/1.0\r\n\r\n")
        await peer.receive_head()
        assert await peer.receive_end() == b":\n\ndata: a\n\n"


async def test_silence_is_broken_by_comments_and_the_source_does_not_notice(autojump_clock):
    given = []

    async def slowly():
        for pause in (0, 10, 40):
            await trio.sleep(pause)
            given.append(trio.current_time())
            yield str(pause)

    async with in_memory(serving(lambda: EventStream(slowly(), keepalive_seconds=15))) as peer:
        started = trio.current_time()
        await peer.send(GET % b"/")
        await peer.receive_head()
        came = []
        while chunk := await receive_chunk(peer):
            came.append((round(trio.current_time() - started, 3), chunk))
    assert came == [
        (0, b":\n\n"),
        (0, b"data: 0\n\n"),
        (10, b"data: 10\n\n"),
        (25, b":\n\n"),
        (40, b":\n\n"),
        (50, b"data: 40\n\n"),
    ]
    assert [round(time - started, 3) for time in given] == [0, 10, 50]


async def test_without_a_keepalive_silence_is_silence(autojump_clock):
    source = Source(then=partial(trio.sleep, 1000))
    async with in_memory(events(source, keepalive_seconds=None)) as peer:
        await peer.send(GET % b"/")
        await peer.receive_head()
        assert await receive_chunks(peer) == b":\n\n"
        assert trio.current_time() >= 1000


async def test_a_comment_waits_for_an_event_that_is_on_its_way(autojump_clock):
    app = serving(lambda: EventStream(Source("x" * 300_000).run(), keepalive_seconds=1))
    async with in_memory(app, pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.send(GET % b"/")
        await peer.receive_head()
        while len(peer.buffer) < 300_000:
            await trio.sleep(2.5)
            peer.buffer += await peer.stream.receive_some(65_536)
        body = await receive_chunks(peer)
    assert body.replace(b":\n\n", b"") == b"data: " + b"x" * 300_000 + b"\n\n"


async def test_a_comment_reveals_a_peer_that_reads_nothing(autojump_clock, caplog):
    source = Source(then=trio.sleep_forever)
    app = serving(lambda: EventStream(source.run()), timeouts=Timeouts(send_seconds=7))
    async with in_memory(app, pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.send(GET % b"/")
        await peer.receive_head()
        assert await receive_chunk(peer) == b":\n\n"
        started = trio.current_time()
        await source.ended.wait()
        assert trio.current_time() - started == pytest.approx(15 + 7)
    assert source.was_cancelled
    assert not caplog.records


async def test_the_last_event_that_the_browser_saw_comes_with_its_request(autojump_clock):
    app = serving(lambda: Text(""))
    seen = []

    @app.get("/seen")
    async def answer(request):
        seen.append(request.last_event_id)
        return EventStream(Source().run())

    async with in_memory(app) as peer:
        for field in (
            b"",
            b"Last-Event-ID: 7\r\n",
            "last-event-id: grün\r\n".encode(),
            b"Last-Event-ID: \xff\r\n",
        ):
            await peer.send(b"GET /seen HTTP/1.1\r\nHost: x\r\n" + field + b"\r\n")
            await peer.receive_head()
            await receive_chunks(peer)
    assert seen == [None, "7", "grün", "\ufffd"]


@pytest.mark.parametrize("error", [KeyError("bug"), TypeError("of another type")])
async def test_a_source_that_fails_cuts_the_connection_and_is_logged_bare(autojump_clock, caplog, error):
    async def fail():
        raise error

    async with in_memory(events(Source("a", then=fail))) as peer:
        await peer.send(GET % b"/")
        await peer.receive_head()
        assert await peer.receive_end() == b"3\r\n:\n\n\r\n9\r\ndata: a\n\n\r\n"
    (record,) = caplog.records
    assert record.exc_info[1] is error


async def test_a_client_that_leaves_stops_the_source_in_its_task(autojump_clock, caplog):
    source = Source("a", then=trio.sleep_forever)
    async with in_memory(events(source)) as peer:
        await peer.send(GET % b"/")
        await peer.receive_head()
        await trio.sleep(100)
        await peer.stream.aclose()
        await source.ended.wait()
    assert source.was_cancelled
    assert len(source.tasks) == 1
    assert not caplog.records


async def test_httpx_reads_events_and_leaves(caplog):
    source = Source(ServerSentEvent("a\nb", id="1"), {"c": 1}, then=trio.sleep_forever)
    app = events(source)
    async with running(app) as server, httpx.AsyncClient(base_url=server.urls[0]) as client:
        async with client.stream("GET", "/") as answer:
            lines = []
            with trio.CancelScope() as scope:
                async for line in answer.aiter_lines():
                    lines.append(line)
                    if line.startswith("data: {"):
                        scope.cancel()
        assert lines[:7] == [":", "", "id: 1", "data: a", "data: b", "", 'data: {"c":1}']
        with trio.fail_after(5):
            await source.ended.wait()
        assert (await client.get("/next")).text == "next"
    assert not caplog.records


# The server's end.


async def test_a_shutdown_ends_event_streams_at_once_and_properly(caplog):
    sources = [Source("a", then=trio.sleep_forever), Source("a", then=trio.sleep_forever)]
    waiting = iter(sources)
    app = serving(lambda: EventStream(next(waiting).run()))
    async with running(app) as server, connected(server) as one, connected(server) as other:
        for peer in (one, other):
            await peer.send(GET % b"/")
            await peer.receive_head()
            assert [await receive_chunk(peer), await receive_chunk(peer)] == [b":\n\n", b"data: a\n\n"]
        with trio.fail_after(5):
            await server.aclose(grace_seconds=60)
        for peer in (one, other):
            assert await receive_chunks(peer) == b""
            assert await peer.receive_end() == b""
    assert all(source.was_cancelled for source in sources)
    assert not caplog.records


async def test_an_event_that_is_on_its_way_arrives_before_the_end(autojump_clock):
    source = Source("x" * 300_000, "never", then=trio.sleep_forever)
    async with trio.open_nursery() as nursery:
        ours, theirs = trio.testing.lockstep_stream_pair()
        nursery.start_soon(trioweb.serve_stream, events(source), theirs)
        peer = RawPeer(ours)
        await peer.send(GET % b"/")
        await peer.receive_head()
        assert await receive_chunk(peer) == b":\n\n"
        peer.buffer += await peer.stream.receive_some(1000)
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            assert len(await receive_chunks(peer)) == 300_008
            assert await peer.receive_end() == b""
    assert source.given == 1


async def test_a_stream_that_starts_during_a_shutdown_ends_at_once(autojump_clock):
    go = trio.Event()
    source = Source("a")
    app = serving(Response)

    @app.get("/late")
    async def late(request):
        await go.wait()
        return EventStream(source.run())

    async with trio.open_nursery() as nursery:
        ours, theirs = trio.testing.memory_stream_pair()
        nursery.start_soon(trioweb.serve_stream, app, theirs)
        peer = RawPeer(ours)
        await peer.send(GET % b"/late")
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await trio.testing.wait_all_tasks_blocked()
            go.set()
            assert "connection: close" in (await peer.receive_head()).lower()
            assert await receive_chunks(peer) == b":\n\n"
            await peer.receive_end()
    assert source.given == 0


@pytest.mark.slow
async def test_ten_thousand_events_take_next_to_no_time():
    app = events(Source(*[{"number": number} for number in range(10_000)]))
    async with running(app) as server, connected(server) as peer:
        with trio.fail_after(20):
            await peer.send(b"GET / HTTP/1.0\r\n\r\n")
            await peer.receive_head()
            assert (await peer.receive_end()).count(b"\n\ndata: ") == 10_000
