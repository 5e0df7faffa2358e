"""Streamed responses when the server shuts down."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from support.serving import connected, in_memory, running
from support.streaming import GET, Source, receive_chunk, receive_chunks, serving
from support.waiting import until

import trioweb
from trioweb import App, Response, Stream, Timeouts
from trioweb.testing import RawPeer


async def test_a_stream_is_finished_within_the_grace_of_a_shutdown(autojump_clock):
    async def pieces():
        for number in range(5):
            yield f"{number}"
            await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        ours, theirs = trio.testing.memory_stream_pair()
        scope, peer = trio.CancelScope(), RawPeer(ours)
        nursery.start_soon(serve_in, scope, serving(lambda: Stream(pieces())), theirs)
        await peer.send(GET % b"/")
        await peer.receive_head()
        scope.cancel()
        assert await receive_chunks(peer) == b"01234"
        await peer.receive_end()


class Countdown(Response):
    is_streamed = True

    async def chunks(self):
        for number in (3, 2, 1):
            yield f"{number}".encode()
            await trio.sleep(1)


async def test_a_shutdown_waits_for_a_response_that_streams_by_its_own_class(autojump_clock):
    async with trio.open_nursery() as nursery:
        ours, theirs = trio.testing.memory_stream_pair()
        scope, peer = trio.CancelScope(), RawPeer(ours)
        nursery.start_soon(serve_in, scope, serving(Countdown), theirs)
        await peer.send(GET % b"/")
        await peer.receive_head()
        scope.cancel()
        assert await receive_chunks(peer) == b"321"
        await peer.receive_end()


@pytest.mark.slow
@pytest.mark.parametrize("pieces", [(), ("a",)])
async def test_a_stream_that_may_end_at_a_shutdown_does_so_at_once_and_properly(caplog, pieces):
    source = Source(*pieces, then=trio.sleep_forever)
    app = serving(lambda: Stream(source.run(), ends_at_shutdown=True))
    async with running(app) as server, connected(server) as peer:
        await peer.send(GET % b"/")
        if pieces:
            await peer.receive_head()
            assert await receive_chunk(peer) == b"a"
        else:
            await until(lambda: source.begun)
        with trio.fail_after(5):
            await server.aclose(grace_seconds=60)
        if not pieces:
            assert (await peer.receive_head()).startswith("HTTP/1.1 200")
        assert await receive_chunks(peer) == b""
        assert await peer.receive_end() == b""
    assert source.was_cancelled
    assert not caplog.records


async def test_a_stream_that_is_kept_does_not_answer_a_second_request(autojump_clock, caplog):
    app, kept = App(), Stream(Source("a", "b").run())

    @app.get("/")
    async def answer(request):
        return kept

    async with in_memory(app) as peer:
        await peer.send(GET % b"/")
        await peer.receive_head()
        assert await receive_chunks(peer) == b"ab"
        await peer.send(GET % b"/")
        assert (await peer.receive_response())[0].startswith("HTTP/1.1 500")
    assert "this Stream has answered a request: make another" in caplog.text


async def test_a_stream_that_is_kept_does_not_mix_two_responses(autojump_clock, caplog):
    app, go_on = App(), trio.Event()
    kept = Stream(Source("a", then=go_on.wait).run())

    @app.get("/")
    async def answer(request):
        return kept

    async with in_memory(app) as one, in_memory(app) as other:
        await one.send(GET % b"/")
        await one.receive_head()
        assert await receive_chunk(one) == b"a"
        await other.send(GET % b"/")
        assert (await other.receive_response())[0].startswith("HTTP/1.1 500")
        go_on.set()
        assert await receive_chunks(one) == b""


async def test_a_stream_that_does_not_end_is_cancelled_at_the_deadline(autojump_clock):
    source = Source("one", then=trio.sleep_forever)
    app = serving(lambda: Stream(source.run()), timeouts=Timeouts(drain_seconds=3))
    async with trio.open_nursery() as nursery:
        ours, theirs = trio.testing.memory_stream_pair()
        scope, peer = trio.CancelScope(), RawPeer(ours)
        nursery.start_soon(serve_in, scope, app, theirs)
        await peer.send(GET % b"/")
        await peer.receive_head()
        started = trio.current_time()
        scope.cancel()
        assert await peer.receive_end() == b"3\r\none\r\n"
        assert trio.current_time() - started == pytest.approx(3 - 3 / 4)  # the rest is the lifespan's
    assert source.was_cancelled


async def serve_in(scope, app, stream):
    with scope:
        await trioweb.serve_stream(app, stream)
