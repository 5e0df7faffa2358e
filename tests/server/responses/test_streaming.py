"""Streamed responses: their framing, their pace, and who is notified when one side ends early."""

from __future__ import annotations

import gc
import logging
import tracemalloc
import weakref

import httpx
import pytest
import trio
import trio.testing
from support.serving import connected, in_memory, running
from support.streaming import GET, Source, receive_chunk, receive_chunks, serving
from support.waiting import until

from trioweb import EventStream, HTTPError, Response, Stream, Timeouts
from trioweb._transport.socket_transport import SocketTransport
from trioweb.testing import open_client

# Framing.


async def test_each_piece_is_a_chunk_and_empty_ones_are_left_out(autojump_clock):
    async with in_memory(serving(lambda: Stream(Source("a", "", b"bc", b"").run()))) as peer:
        await peer.send(GET % b"/" + GET % b"/next")
        head = await peer.receive_head()
        assert head.startswith("HTTP/1.1 200 OK\r\n")
        assert "transfer-encoding: chunked" in head.lower()
        assert "content-length" not in head.lower()
        body = b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"
        assert await peer.receive_exactly(len(body)) == body
        assert (await peer.receive_response())[1] == b"next", "the connection goes on"


async def test_a_stream_of_nothing_is_an_empty_body(autojump_clock):
    async with in_memory(serving(lambda: Stream(Source().run()))) as peer:
        await peer.send(GET % b"/")
        await peer.receive_head()
        assert await receive_chunks(peer) == b""


async def test_over_http_1_0_the_end_of_the_connection_ends_the_body(autojump_clock):
    async with in_memory(serving(lambda: Stream(Source("a", "bc").run()))) as peer:
        await peer.send(b"GET / HTTP/1.0\r\n\r\n")
        head = (await peer.receive_head()).lower()
        assert "transfer-encoding" not in head
        assert "connection: close" in head
        assert await peer.receive_end() == b"abc"


async def test_a_length_that_is_known_is_announced(autojump_clock):
    async with in_memory(serving(lambda: Stream(Source("ab", "cde").run(), content_bytes=5))) as peer:
        await peer.send(GET % b"/" + GET % b"/next")
        head, body = await peer.receive_response()
        assert "transfer-encoding" not in head.lower()
        assert body == b"abcde"
        assert (await peer.receive_response())[1] == b"next"


@pytest.mark.parametrize(("announced", "sent"), [(4, b"ab"), (6, b"abcde")])
async def test_a_length_that_was_wrong_cuts_the_connection(autojump_clock, caplog, announced, sent):
    source = Source("ab", "cde")
    async with in_memory(serving(lambda: Stream(source.run(), content_bytes=announced))) as peer:
        await peer.send(GET % b"/")
        await peer.receive_head()
        assert await peer.receive_end() == sent
    assert source.ended.is_set()
    (record,) = caplog.records
    assert record.message.startswith("GET / broke off within its response: ")


async def test_a_head_request_does_not_start_the_source(autojump_clock):
    source = Source("a")
    async with in_memory(serving(lambda: Stream(source.run(), content_type="text/csv"))) as peer:
        await peer.send((GET % b"/").replace(b"GET", b"HEAD"))
        head = await peer.receive_head()
        assert "content-type: text/csv; charset=utf-8" in head.lower()
        await peer.send(GET % b"/next")
        assert (await peer.receive_response())[1] == b"next"
    assert source.begun == 0


# The beginning.


async def test_the_head_leaves_with_the_first_piece_in_one_write(autojump_clock):
    go = trio.Event()

    async def pieces():
        await go.wait()
        yield b"first"

    async with in_memory(serving(lambda: Stream(pieces()))) as peer:
        await peer.send(GET % b"/")
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.TooSlowError), trio.fail_after(5):
            await peer.stream.receive_some(1)
        go.set()
        assert (await peer.stream.receive_some(65536)).endswith(b"\r\n\r\n5\r\nfirst\r\n")


async def test_an_empty_first_piece_sends_the_head(autojump_clock):
    async with in_memory(serving(lambda: Stream(Source(b"", then=trio.sleep_forever).run()))) as peer:
        await peer.send(GET % b"/")
        assert "200 OK" in await peer.receive_head()
        assert peer.buffer == b""


@pytest.mark.parametrize(
    ("error", "status", "count"), [(HTTPError(503, "no table today"), 503, 0), (KeyError("bug"), 500, 1)]
)
async def test_a_failure_before_the_first_piece_is_answered(autojump_clock, caplog, error, status, count):
    async def fail():
        raise error

    async with in_memory(serving(lambda: Stream(Source(then=fail).run()))) as peer:
        await peer.send(GET % b"/" + GET % b"/next")
        head, _ = await peer.receive_response()
        assert head.startswith(f"HTTP/1.1 {status} ")
        assert (await peer.receive_response())[1] == b"next"
    assert len(caplog.records) == count


async def test_a_failure_before_the_first_piece_reaches_the_apps_error_handler(autojump_clock):
    async def fail():
        raise KeyError("x")

    app = serving(lambda: Stream(Source(then=fail).run()))

    @app.error_handler(KeyError)
    async def unknown(request, error):
        return Stream(Source("sorry").run(), 400)

    async with in_memory(app) as peer:
        await peer.send(GET % b"/")
        assert (await peer.receive_head()).startswith("HTTP/1.1 400 ")
        assert await receive_chunks(peer) == b"sorry"


# An early end.


@pytest.mark.parametrize("error", [KeyError("bug"), trio.BrokenResourceError("upstream"), HTTPError(404)])
async def test_a_failure_after_the_first_piece_cuts_the_connection_and_is_logged_once(
    autojump_clock, caplog, error
):
    async def fail():
        raise error

    source = Source("one", "two", then=fail)
    async with in_memory(serving(lambda: Stream(source.run()))) as peer:
        await peer.send(GET % b"/" + GET % b"/next")
        await peer.receive_head()
        assert await peer.receive_end() == b"3\r\none\r\n3\r\ntwo\r\n", "without the last chunk"
    assert source.ended.is_set()
    (record,) = caplog.records
    assert record.message == f"GET / broke off within its response: {error}"
    assert record.exc_info[1] is error


async def test_a_client_sees_that_the_body_is_incomplete(caplog):
    async def fail():
        raise KeyError("bug")

    app = serving(lambda: Stream(Source("one", then=fail).run()))
    async with open_client(app, raise_errors=False) as client:
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            await client.get("/")
        assert (await client.get("/next")).text == "next"


# Pace.


async def test_a_piece_is_asked_for_when_the_one_before_was_taken(autojump_clock):
    source = Source(*[b"x" * 100] * 50)
    app = serving(lambda: Stream(source.run()))
    async with in_memory(app, pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.send(GET % b"/")
        await peer.receive_head()
        for taken in range(1, 50):
            assert len(await receive_chunk(peer)) == 100
            await trio.testing.wait_all_tasks_blocked()
            assert source.given <= taken + 1


async def test_a_client_that_does_not_read_is_cut_and_costs_no_memory():
    async def endless():
        piece = b"x" * 50_000
        try:
            while True:
                produced.append(len(piece))
                yield piece
        finally:
            ended.set()

    produced, ended = [], trio.Event()
    app = serving(lambda: Stream(endless()), timeouts=Timeouts(send_seconds=0.5))
    async with running(app) as server, connected(server) as peer:
        await peer.send(GET % b"/")
        await peer.receive_head()
        tracemalloc.start()
        try:
            with trio.fail_after(10):
                await ended.wait()
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak_bytes < 2_000_000
    assert sum(produced) < 64_000_000, "what the kernel holds, and no more"


async def test_a_long_piece_gives_the_client_its_time_for_each_part(autojump_clock):
    app = serving(lambda: Stream(Source(b"x" * 500_000).run()), timeouts=Timeouts(send_seconds=7))
    async with in_memory(app, pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.send(GET % b"/")
        await peer.receive_head()
        while len(peer.buffer) < 500_000:
            await trio.sleep(6)
            peer.buffer += await peer.stream.receive_some(65_536)
        assert await receive_chunks(peer) == b"x" * 500_000


async def test_ten_thousand_pieces_take_next_to_no_time():
    app = serving(lambda: Stream(Source(*[b"x" * 20] * 10_000).run()))
    async with running(app) as server, connected(server) as peer:
        with trio.fail_after(20):
            await peer.send(b"GET / HTTP/1.0\r\n\r\n")
            await peer.receive_head()
            assert len(await peer.receive_end()) == 200_000


# Middleware around it.


async def test_middleware_sees_a_stream_and_may_wrap_it(autojump_clock):
    source = Source("a", "b", then=trio.sleep_forever)
    closed = []

    class Louder(Response):
        is_streamed = True

        def __init__(self, inner):
            super().__init__(status=inner.status, headers=inner.headers.lines())
            self.inner = inner

        async def prepare(self, request):
            self.inner = await self.inner.prepare(request)
            return self

        async def chunks(self):
            async for piece in self.inner.chunks():
                yield piece.upper()

        def close(self):
            closed.append(True)
            self.inner.close()

    app = serving(lambda: Stream(source.run()))

    @app.middleware
    async def loudly(request, call_next):
        response = await call_next(request)
        assert response.is_streamed
        response.headers["X-Loud"] = "yes"
        return Louder(response)

    async with in_memory(app) as peer:
        await peer.send(GET % b"/")
        assert "x-loud: yes" in (await peer.receive_head()).lower()
        assert [await receive_chunk(peer), await receive_chunk(peer)] == [b"A", b"B"]
        await peer.stream.aclose()
        await source.ended.wait()
    assert closed == [True]


# What is left behind.


@pytest.mark.slow
@pytest.mark.parametrize("make_response", [Stream, EventStream])
@pytest.mark.parametrize("ending", ["client", "source", "both", "reader"])
async def test_an_ended_response_leaves_nothing_for_the_collector(monkeypatch, make_response, ending):
    references = []

    class Noted(SocketTransport):
        __slots__ = ("__weakref__",)

        def __init__(self, connected, pump):
            super().__init__(connected, pump)
            references.append(weakref.ref(self))

    async def fail():
        raise KeyError(ending)

    pieces = ["x" * 10_000_000] if ending == "reader" else ["one"]
    source = Source(
        *pieces, then=trio.sleep_forever if ending == "client" else None if ending == "both" else fail
    )
    monkeypatch.setattr("trioweb._transport.carrying.SocketTransport", Noted)
    # Log records would be kept for the test's report, with the frames of their tracebacks.
    monkeypatch.setattr(logging.getLogger("trioweb"), "disabled", True)
    app = serving(lambda: make_response(source.run()), timeouts=Timeouts(send_seconds=0.1))
    async with running(app) as server:
        gc.collect()
        gc.disable()
        try:
            async with connected(server) as peer:
                await peer.send(GET % b"/")
                await peer.receive_head()
                if ending == "both":
                    await receive_chunks(peer)
                elif ending != "client":
                    with trio.fail_after(10):
                        await source.ended.wait()
            await until(lambda: server.connections == 0)
            assert references[0]() is None
        finally:
            gc.enable()
