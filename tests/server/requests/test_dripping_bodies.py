"""Bodies that come, but so slowly that they would hold a connection for ever."""

from __future__ import annotations

import pytest
import trio
from support.conduct import request
from support.serving import in_memory

from trioweb import App, Config, Limits, Text, Timeouts

ENDLESS = 100_000
BOUNDARY = "Content-Type: multipart/form-data; boundary=x"


def site(**limits):
    app = App(Config(limits=Limits(**limits)))

    @app.post("/body")
    async def body(request):
        return Text(str(len(await request.body())))

    @app.post("/form")
    async def form(request):
        return Text(str(len(await request.form())))

    @app.post("/own", limits=Limits(body_bytes_per_second=0))
    async def own(request):
        return Text(str(len(await request.body())))

    @app.post("/poll")
    async def poll(request):
        while True:
            with trio.move_on_after(7):
                return Text(str(len(await request.body())))

    @app.post("/slow")
    async def slow(request):
        count = 0
        async for piece in request.stream():
            count += len(piece)
            await trio.sleep(100)
        return Text(str(count))

    return app


async def drip(peer, first, piece, seconds, *, most_seconds=3600):
    """Send the first bytes, then a piece now and then; return the response and its time."""
    started, answers = trio.current_time(), []

    async def send():
        await peer.send(first)
        while True:
            await trio.sleep(seconds)
            try:
                await peer.send(piece)
            except trio.BrokenResourceError:
                return

    with trio.move_on_after(most_seconds):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            answers.append(await peer.receive_response())
            nursery.cancel_scope.cancel()
    return answers[0] if answers else None, trio.current_time() - started


CHUNKED = "Transfer-Encoding: chunked"
DRIPPED = {
    "a body": (request(f"Content-Length: {ENDLESS}", start="POST /body HTTP/1.1"), b"a"),
    "a form": (request(f"Content-Length: {ENDLESS}", BOUNDARY, start="POST /form HTTP/1.1"), b"a"),
    "chunks": (request(CHUNKED, start="POST /body HTTP/1.1"), b"1\r\na\r\n"),
    "an extension": (request(CHUNKED, start="POST /body HTTP/1.1") + b"1;", b"a"),
    "a trailer": (request(CHUNKED, start="POST /body HTTP/1.1") + b"0\r\nX: ", b"a"),
}


@pytest.mark.parametrize("what", DRIPPED)
async def test_a_dripping_body_is_408_once_its_patience_is_spent(autojump_clock, what):
    first, piece = DRIPPED[what]
    async with in_memory(site()) as peer:
        (head, text), seconds = await drip(peer, first, piece, 29)
        assert head.startswith("HTTP/1.1 408")
        assert "close" in head
        assert b"Limits.body_bytes_per_second" in text
        assert 150 <= seconds < 155


def reading_before_routes():
    app = App()

    @app.middleware
    async def read_first(request, call_next):
        await request.body()
        return await call_next(request)

    return app


def reading_in_an_error_handler():
    app = App()

    @app.error_handler(404)
    @app.error_handler(405)
    async def echo(request, error):
        return Text(str(len(await request.body())), status=error.status)

    return app


@pytest.mark.parametrize("make", [reading_before_routes, reading_in_an_error_handler])
@pytest.mark.parametrize("path", ["/unknown", "/get"])
async def test_a_drip_ends_where_no_route_takes_the_request(autojump_clock, make, path):
    app = make()

    @app.get("/get")
    async def get(request):
        return "got"

    first, piece = request(f"Content-Length: {ENDLESS}", start=f"POST {path} HTTP/1.1"), b"a"
    async with in_memory(app) as peer:
        (head, text), seconds = await drip(peer, first, piece, 29)
        assert head.startswith("HTTP/1.1 408")
        assert b"Limits.body_bytes_per_second" in text
        assert 150 <= seconds < 155


async def test_a_drip_ends_for_a_handler_that_looks_again_and_again(autojump_clock):
    data = request(f"Content-Length: {ENDLESS}", start="POST /poll HTTP/1.1")
    async with in_memory(site()) as peer:
        (head, text), seconds = await drip(peer, data, b"a", 29)
        assert head.startswith("HTTP/1.1 408")
        assert b"Limits.body_bytes_per_second" in text
        assert 150 <= seconds < 160


async def test_a_pause_ends_for_a_handler_that_looks_again_and_again(autojump_clock):
    data = request(f"Content-Length: {ENDLESS}", start="POST /poll HTTP/1.1")
    async with in_memory(site()) as peer:
        (head, text), seconds = await drip(peer, data, b"", 10**6)
        assert head.startswith("HTTP/1.1 408")
        assert b"Timeouts.body_seconds" in text
        assert seconds == pytest.approx(30, abs=1)


async def test_a_drip_ends_however_often_it_comes(autojump_clock):
    async with in_memory(site()) as peer:
        (head, _), seconds = await drip(peer, *DRIPPED["a body"], 0.1)
        assert head.startswith("HTTP/1.1 408")
        assert 150 <= seconds < 165


async def test_a_slow_and_honest_client_is_not_cut(autojump_clock):
    async with in_memory(site()) as peer:
        data = request("Content-Length: 500000", start="POST /body HTTP/1.1")
        (head, text), seconds = await drip(peer, data, bytes(2000), 1)
        assert (head.split()[1], text) == ("200", b"500000")
        assert seconds == pytest.approx(250, abs=5)


async def test_a_long_pause_is_made_up_for_by_earlier_bytes(autojump_clock):
    async with in_memory(site()) as peer:
        await peer.send(request("Content-Length: 40000", start="POST /body HTTP/1.1"))
        await trio.sleep(1)
        await peer.send(bytes(20000))
        for _ in range(10):
            await trio.sleep(28)
            await peer.send(bytes(2000))
        assert (await peer.receive_response())[1] == b"40000"


async def test_time_in_which_the_handler_did_not_read_does_not_count(autojump_clock):
    async with in_memory(site()) as peer:
        await peer.send(request("Content-Length: 20", start="POST /slow HTTP/1.1"))
        for _ in range(20):
            await trio.sleep(1)
            await peer.send(b"a")
        head, text = await peer.receive_response()
        assert (head.split()[1], text) == ("200", b"20")


async def test_a_route_may_have_no_rate(autojump_clock):
    async with in_memory(site()) as peer:
        data = request("Content-Length: 20", start="POST /own HTTP/1.1")
        (head, text), seconds = await drip(peer, data, b"a", 29)
        assert (head.split()[1], text) == ("200", b"20")
        assert seconds == pytest.approx(580, abs=2)


async def test_the_rate_can_be_set_and_applies_to_one_body_only(autojump_clock):
    async with in_memory(site(body_bytes_per_second=10)) as peer:
        for _ in range(3):
            data = request("Content-Length: 600", start="POST /body HTTP/1.1")
            (head, text), _ = await drip(peer, data, bytes(10), 1)
            assert (head.split()[1], text) == ("200", b"600")
    assert Timeouts().body_seconds == 30
