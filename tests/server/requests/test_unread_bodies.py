"""Requests whose body nobody reads, or not at once, beside slow responses."""

from __future__ import annotations

import tracemalloc
from contextlib import AsyncExitStack

import pytest
import trio
import trio.testing
from support.serving import connected, in_memory, running
from support.streaming import GET, Source, receive_chunk, receive_chunks, serving
from support.unread_bodies import CHUNKED, LONG, POST, SIZED, begin, posting

from trioweb import App, Config, File, Limits, LocalProtocolError, Response, Stream, Timeouts

# Clients that leave.


@pytest.mark.parametrize(
    "data",
    [
        SIZED % 2 + b"{}",
        SIZED % 2,
        SIZED % 60_000 + b"x" * 59_999,
        CHUNKED + b"2\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"2\r\n{}",
        SIZED % 2 + b"{}" + GET % b"/next",
        POST % b"Content-Length: 2\r\nExpect: 100-continue\r\n",
    ],
)
async def test_a_quiet_source_is_stopped_when_a_client_with_an_unread_body_leaves(autojump_clock, data):
    source = Source("one", then=trio.sleep_forever)
    async with in_memory(posting(lambda request: Stream(source.run()))) as peer:
        await peer.send(data)
        await peer.receive_head()
        assert await receive_chunk(peer) == b"one"
        started = trio.current_time()
        await peer.stream.aclose()
        await source.ended.wait()
        assert trio.current_time() - started < 1
    assert source.was_cancelled


async def test_a_quiet_source_is_stopped_when_a_client_leaves_a_real_socket():
    source = Source("one", then=trio.sleep_forever)
    async with running(posting(lambda request: Stream(source.run()))) as server:
        async with connected(server) as peer:
            await peer.send(SIZED % 2 + b"{}")
            await peer.receive_head()
        with trio.fail_after(5):
            await source.ended.wait()


@pytest.mark.parametrize("pieces", [("one",), ()])
async def test_a_body_beyond_the_bound_is_discarded_after_a_silence(autojump_clock, pieces):
    source = Source(*pieces, then=trio.sleep_forever)
    async with in_memory(
        posting(lambda request: Stream(source.run())), pair=trio.testing.lockstep_stream_pair
    ) as peer:
        started = trio.current_time()
        await peer.send(SIZED % 500_000)
        if pieces:
            await peer.receive_head()
        for _ in range(5):
            await peer.send(b"x" * 100_000)
        assert trio.current_time() - started == pytest.approx(30, abs=1)
        assert not source.ended.is_set(), "the client is there"
        await peer.stream.aclose()
        await source.ended.wait()
        assert trio.current_time() - started == pytest.approx(30, abs=1)


@pytest.mark.parametrize("app", [serving, posting])
async def test_a_silent_client_with_too_much_input_after_its_request_counts_as_gone(autojump_clock, app):
    source = Source("one", then=trio.sleep_forever)
    app = app(lambda *_: Stream(source.run()), timeouts=Timeouts(body_seconds=7))
    async with in_memory(app) as peer:
        await peer.send(GET % b"/" if "GET" in app.routes[0].methods else SIZED % 0)
        await peer.send(b"x" * 200_000)
        await peer.receive_head()
        await peer.stream.aclose()
        with trio.fail_after(15):
            await source.ended.wait()
    assert source.was_cancelled


async def test_a_source_that_sends_is_not_stopped_by_input_after_its_request(autojump_clock):
    async def slowly():
        for number in range(6):
            yield f"{number}"
            await trio.sleep(5)

    following = (GET % b"/next") * 3000
    async with in_memory(serving(lambda: Stream(slowly()), timeouts=Timeouts(body_seconds=7))) as peer:
        await peer.send(GET % b"/" + following)
        await peer.receive_head()
        assert await receive_chunks(peer) == b"012345"
        for _ in range(3000):
            assert (await peer.receive_response())[1] == b"next"


async def test_a_source_with_a_long_piece_on_its_way_is_not_stopped_by_later_input(autojump_clock):
    source = Source(b"x" * 500_000)
    app = serving(lambda: Stream(source.run()), timeouts=Timeouts(body_seconds=7))
    async with in_memory(app, pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.send(GET % b"/")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.send, b"x" * 200_000)
            await peer.receive_head()
            while len(peer.buffer) < 500_000:
                await trio.sleep(5)
                peer.buffer += await peer.stream.receive_some(65_536)
            assert await receive_chunks(peer) == b"x" * 500_000
            nursery.cancel_scope.cancel()


# Clients that read only after sending everything.


@pytest.mark.parametrize("framing", [SIZED % LONG, CHUNKED + b"%x\r\n" % LONG])
@pytest.mark.parametrize("kind", ["whole", "stream", "file"])
@pytest.mark.parametrize("is_begun", [False, True])
async def test_a_long_response_arrives_even_if_nobody_reads_the_long_body(tmp_path, kind, framing, is_begun):
    answer_bytes = 20_000_000
    (tmp_path / "file").write_bytes(bytes(answer_bytes))
    app = App(Config(limits=Limits(body_bytes=LONG), timeouts=Timeouts(send_seconds=2)))

    async def pieces():
        for _ in range(20):
            yield bytes(answer_bytes // 20)

    @app.post("/")
    async def answer(request):
        if is_begun and kind != "stream":
            await begin(request)
        match kind:
            case "whole":
                return Response(bytes(answer_bytes))
            case "stream":
                return Stream(pieces(), content_bytes=answer_bytes)
        return File(tmp_path / "file")

    async with running(app) as server, connected(server) as peer:
        with trio.fail_after(20):
            await peer.send(framing)
            for _ in range(LONG // 1_000_000):
                await peer.send(bytes(1_000_000))
            if b"chunked" in framing:
                await peer.send(b"\r\n0\r\n\r\n")
            assert (await peer.receive_head()).startswith("HTTP/1.1 200 ")
            received_bytes = len(peer.buffer)
            while received_bytes < answer_bytes:
                data = await peer.stream.receive_some(1_000_000)
                assert data, "the answer is complete"
                received_bytes += len(data)


async def test_a_mistake_in_a_discarded_body_does_not_affect_the_response(autojump_clock):
    app = posting(lambda request: Stream(Source(*[b"x" * 50_000] * 4).run()))
    async with in_memory(app, pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.send(CHUNKED)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.send, b"20000\r\n" + b"y" * 0x20000 + b"what?" + b"z" * 200_000)
            await peer.receive_head()
            assert await receive_chunks(peer) == b"x" * 200_000
        assert await peer.receive_end() == b""


# After the response.


async def test_a_late_task_never_gets_the_body_of_the_next_request(autojump_clock):
    requests, seen = [], []
    app = App()

    @app.post("/")
    async def post(request):
        requests.append(request)
        if len(requests) == 2:
            with pytest.raises(LocalProtocolError, match="the request was answered"):
                await requests[0].body()
            seen.append(await request.body())
        return "fine"

    async with in_memory(app) as peer:
        for text in (b"first", b"other"):
            await peer.send(SIZED % 5 + text)
            assert (await peer.receive_response())[0].startswith("HTTP/1.1 200")
    assert seen == [b"other"]


async def test_a_task_that_waits_for_a_body_when_its_request_is_answered_gets_an_error(autojump_clock):
    ended = []
    app = App()

    async def read(request):
        with pytest.raises(LocalProtocolError, match="the request was answered"):
            await request.body()
        ended.append(request)

    async with trio.open_nursery() as nursery:

        @app.post("/")
        async def post(request):
            if request.headers["content-length"] == "4":
                return await request.text()
            nursery.start_soon(read, request)
            await trio.testing.wait_all_tasks_blocked()
            return "fine"

        async with in_memory(app) as peer:
            await peer.send(SIZED % 5)
            await peer.receive_response()
            await peer.send(b"first" + SIZED % 4 + b"next")
            assert (await peer.receive_response())[1] == b"next"
    assert len(ended) == 1


# Long bodies.


async def test_a_long_body_is_not_copied_for_each_client():
    body = bytes(20_000_000)
    app = App()

    @app.get("/")
    async def shared(request):
        return Response(body)

    tracemalloc.start()
    try:
        async with running(app) as server, AsyncExitStack() as stack:
            for _ in range(5):
                peer = await stack.enter_async_context(connected(server))
                await peer.send(GET % b"/")
                await peer.receive_head()
            _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(body)
