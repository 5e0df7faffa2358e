"""`request.cancel_on_disconnect`: a handler that waits learns that its client has left."""

from __future__ import annotations

import httpx
import pytest
import trio
import trio.testing
from support.serving import connected, in_memory, running
from support.tls import contexts, tls_client

from trioweb import App, LocalProtocolError, Stream
from trioweb.testing import RawPeer, frame, handshake

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
NEXT = GET.replace(b"/", b"/next", 1)


class Poll:
    """An app whose `/` waits for `go`, and records how its waiting ended."""

    def __init__(self):
        self.app = App()
        self.go = trio.Event()
        self.ended = trio.Event()
        self.has_left = None
        self.app.get("/")(self.wait)
        self.app.post("/")(self.wait_with_body)
        self.app.get("/next")(self.following)

    async def wait(self, request):
        try:
            async with request.cancel_on_disconnect() as scope:
                await self.go.wait()
            self.has_left = scope.cancelled_caught
        finally:
            self.ended.set()
        return "news"

    async def wait_with_body(self, request):
        await request.body()
        return await self.wait(request)

    async def following(self, request):
        return "next"


async def test_the_block_ends_when_the_client_leaves(autojump_clock, caplog):
    poll = Poll()
    async with in_memory(poll.app) as peer:
        await peer.send(GET)
        await trio.sleep(3)
        assert not poll.ended.is_set()
        started = trio.current_time()
        await peer.stream.aclose()
        await poll.ended.wait()
        assert trio.current_time() - started < 1
    assert poll.has_left is True
    assert not caplog.records


async def test_a_poll_that_is_answered_first_leaves_the_connection_open(autojump_clock):
    poll = Poll()
    async with in_memory(poll.app) as peer:
        await peer.send(GET)
        await trio.sleep(3)
        poll.go.set()
        assert (await peer.receive_response())[1] == b"news"
        assert poll.has_left is False
        for _ in range(3):
            await peer.send(GET + NEXT)
            assert (await peer.receive_response())[1] == b"news"
            assert (await peer.receive_response())[1] == b"next"


async def test_requests_that_come_meanwhile_are_kept(autojump_clock):
    poll = Poll()
    async with in_memory(poll.app) as peer:
        await peer.send(GET)
        for byte in NEXT + NEXT:
            await peer.send(bytes([byte]))
        poll.go.set()
        for expected in (b"news", b"next", b"next"):
            assert (await peer.receive_response())[1] == expected


async def test_a_client_that_half_closes_counts_as_gone_and_may_be_answered(autojump_clock):
    poll = Poll()
    async with in_memory(poll.app) as peer:
        await peer.send(GET + NEXT)
        await peer.stream.send_eof()
        assert (await peer.receive_response())[1] == b"news"
        assert (await peer.receive_response())[1] == b"next"
        assert await peer.receive_end() == b""
    assert poll.has_left is True


async def test_the_block_ends_when_httpx_loses_patience():
    poll = Poll()
    async with running(poll.app) as server, httpx.AsyncClient(base_url=server.urls[0]) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get("/", timeout=0.2)
        with trio.fail_after(5):
            await poll.ended.wait()
        assert (await client.get("/next")).text == "next"
    assert poll.has_left is True


async def test_the_block_ends_when_a_tls_client_leaves():
    server_context, client_context = contexts()
    poll = Poll()
    async with running(poll.app, ssl_context=server_context) as server:
        async with tls_client(server.port, client_context) as client:
            await RawPeer(client).send(GET)
            await trio.testing.wait_all_tasks_blocked(0.01)
        with trio.fail_after(5):
            await poll.ended.wait()
    assert poll.has_left is True


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 2\r\n\r\nhi", b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"]
)
async def test_the_block_ends_when_a_client_leaves_after_its_body_was_read(autojump_clock, framing):
    poll = Poll()
    async with in_memory(poll.app) as peer:
        await peer.send(b"POST / HTTP/1.1\r\nHost: x\r\n" + framing)
        await trio.sleep(1)
        await peer.stream.aclose()
        await poll.ended.wait()
    assert poll.has_left is True


async def test_the_block_is_refused_before_the_body_was_read(autojump_clock, caplog):
    app = App()

    @app.post("/")
    async def hasty(request):
        async with request.cancel_on_disconnect():
            raise AssertionError

    async with in_memory(app) as peer:
        await peer.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
        assert (await peer.receive_head()).startswith("HTTP/1.1 500")
    assert isinstance(caplog.records[0].exc_info[1], LocalProtocolError)
    assert "await request.body() first" in caplog.text


async def test_any_number_of_tasks_may_open_any_number_of_blocks(autojump_clock):
    app = App()
    ended = []
    done = trio.Event()

    async def wait(request, number, seconds):
        async with request.cancel_on_disconnect() as outer, request.cancel_on_disconnect() as inner:
            await trio.sleep(seconds)
        ended.append((number, outer.cancelled_caught or inner.cancelled_caught))

    @app.get("/")
    async def many(request):
        async with trio.open_nursery() as nursery:
            for number, seconds in enumerate((1, 2, 1000, 1000)):
                nursery.start_soon(wait, request, number, seconds)
        done.set()

    async with in_memory(app) as peer:
        await peer.send(GET)
        await trio.sleep(3)
        assert sorted(ended) == [(0, False), (1, False)]
        await peer.stream.aclose()
        await done.wait()
        assert sorted(ended)[2:] == [(2, True), (3, True)]


async def test_an_exception_of_the_block_is_raised_without_a_group(autojump_clock):
    app = App()

    @app.get("/")
    async def failing(request):
        with pytest.raises(KeyError, match="bare"):
            async with request.cancel_on_disconnect():
                raise KeyError("bare")
        async with request.cancel_on_disconnect():
            return "returned from within"

    async with in_memory(app) as peer:
        await peer.send(GET)
        assert (await peer.receive_response())[1] == b"returned from within"


async def test_a_request_is_not_watched_after_its_response(autojump_clock):
    app = App()
    kept = []

    async def stay(request):
        async with request.cancel_on_disconnect() as scope:
            kept.append(scope)
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:

        @app.get("/")
        async def answer(request):
            kept.append(request)
            nursery.start_soon(stay, request)
            await trio.testing.wait_all_tasks_blocked()
            return "answered"

        @app.get("/next")
        async def following(request):
            return "next"

        async with in_memory(app) as peer:
            for _ in range(2):
                await peer.send(GET)
                assert (await peer.receive_response())[1] == b"answered"
            for byte in NEXT:
                await peer.send(bytes([byte]))
            assert (await peer.receive_response())[1] == b"next"
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(LocalProtocolError, match="this request is answered"):
                kept[0].cancel_on_disconnect()
            await peer.stream.aclose()
            await trio.sleep(1)
            assert not kept[1].cancel_called, "the block is its owner's"
        nursery.cancel_scope.cancel()


async def test_a_block_that_outlives_its_connection_does_not_hold_its_descriptor():
    app, waiting = App(), []

    async def stay(request):
        async with request.cancel_on_disconnect():
            waiting.append(request)
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:

        @app.get("/")
        async def answer(request):
            async def pieces():
                nursery.start_soon(stay, request)
                await trio.testing.wait_all_tasks_blocked(0.01)
                yield "one"
                raise KeyError

            return Stream(pieces())

        @app.get("/next")
        async def following(request):
            async with request.cancel_on_disconnect():
                await trio.sleep(0.01)
            return "next"

        async with running(app) as server:
            for _ in range(3):
                async with connected(server) as peer:
                    await peer.send(GET)
                    await peer.receive_end()
                # Its number is given to the next connection, which may be watched as well.
                async with connected(server) as peer:
                    await peer.send(NEXT)
                    assert (await peer.receive_response())[1] == b"next"
        assert len(waiting) == 3
        nursery.cancel_scope.cancel()


async def test_middleware_of_a_handshake_may_watch_and_no_frame_is_lost(autojump_clock):
    app, refused = App(), []

    @app.middleware
    async def slowly(request, call_next):
        async with request.cancel_on_disconnect():
            await trio.sleep(5)
        return await call_next(request)

    @app.websocket("/")
    async def echo(ws):
        await ws.send(await ws.receive())
        try:
            ws.request.cancel_on_disconnect()
        except LocalProtocolError as error:
            refused.append(str(error))

    async with in_memory(app) as peer:
        await peer.send(handshake())
        await trio.sleep(1)
        await peer.send(frame(1, b"early"))
        await peer.receive_head()
        assert await peer.receive_text() == "early"
        await peer.close()
    assert "has become a WebSocket" in refused[0]


async def test_a_flood_is_read_only_up_to_a_bound(autojump_clock):
    poll = Poll()
    async with in_memory(poll.app, pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.send(GET)
        sent = 0
        with trio.move_on_after(5):
            while sent < 10_000_000:
                await peer.send(b"x" * 10_000)
                sent += 10_000
        assert sent < 200_000
        assert not poll.ended.is_set()
