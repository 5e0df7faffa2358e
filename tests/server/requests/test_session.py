"""One connection with everything that may go wrong on it, seen by its peer."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from support.links.odd_stream import OddStream
from support.serving import in_memory

import trioweb
from trioweb import App, Config, Limits, Response, Text, Timeouts
from trioweb._http.incoming_body import DISCARDED_BYTES
from trioweb.testing import RawPeer, handshake

GET = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n"


def site(tmp_path=None, **options):
    app = App(Config(**options))

    @app.get("/")
    async def index(request):
        return "hello"

    @app.get("/big")
    async def big(request):
        return Response(b"x" * 1_000_000)

    @app.get("/missing")
    async def missing(request):
        return trioweb.File(tmp_path / "missing")

    @app.get("/dated")
    async def dated(request):
        return Text("old", headers={"Date": "Thu, 01 Jan 1970 00:00:00 GMT"})

    @app.post("/ignore")
    async def ignore(request):
        return Text("did not look")

    @app.post("/length")
    async def length(request):
        return Text(str(len(await request.body())))

    return app


async def test_a_stream_with_a_bug_is_dropped_and_logged(caplog):
    stream = OddStream(b"GET / HT", receive=LookupError("a bug in the stream"))
    stream.may_send.set()
    with trio.fail_after(5):
        await trioweb.serve_stream(site(), stream)
    assert "dropped after an error" in caplog.text
    assert "a bug in the stream" in caplog.text
    assert stream.is_closed.is_set()


async def test_a_peer_that_sends_only_an_empty_line_is_closed_without_a_response(autojump_clock):
    async with in_memory(site()) as peer:
        await peer.send(b"\r\n")
        await peer.stream.send_eof()
        started = trio.current_time()
        assert await peer.receive_end() == b""
        assert trio.current_time() == started


async def test_a_peer_that_does_not_read_its_response_is_cut(autojump_clock):
    app = site(timeouts=Timeouts(send_seconds=7))
    async with in_memory(app, pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.send(GET % b"/big")
        head = await peer.receive_head()
        assert head.startswith("HTTP/1.1 200")
        await trio.sleep(6)
        await peer.stream.receive_some(200_000)
        await trio.sleep(6)
        await peer.stream.receive_some(200_000)
        await trio.sleep(8)
        assert len(await peer.receive_end()) < 1_000_000


async def test_a_body_too_long_to_discard_ends_the_connection(autojump_clock):
    async with in_memory(site()) as peer:
        post = b"POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        await peer.send(post % DISCARDED_BYTES + b"x" * DISCARDED_BYTES)
        assert (await peer.receive_response())[1] == b"did not look"
        await peer.send(post % (2 * DISCARDED_BYTES) + b"x" * 2 * DISCARDED_BYTES + GET % b"/")
        head, body = await peer.receive_response()
        assert body == b"did not look"
        assert "connection: close" in head.lower()
        assert await peer.receive_end() == b""


async def test_a_client_that_does_not_wait_for_continue_does_not_get_it(autojump_clock):
    async with in_memory(site()) as peer:
        await peer.send(
            b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nab"
        )
        await trio.testing.wait_all_tasks_blocked()
        await peer.send(b"cd")
        head, body = await peer.receive_response()
        assert head.startswith("HTTP/1.1 200")
        assert body == b"4"


async def test_a_missing_file_is_404(autojump_clock, tmp_path):
    async with in_memory(site(tmp_path)) as peer:
        await peer.send(GET % b"/missing")
        assert (await peer.receive_response())[0].startswith("HTTP/1.1 404")
        await peer.send(GET % b"/")
        assert (await peer.receive_response())[1] == b"hello"


async def test_a_date_set_by_the_handler_is_the_only_one(autojump_clock):
    async with in_memory(site()) as peer:
        await peer.send(GET % b"/dated")
        head, _ = await peer.receive_response()
        dates = [line for line in head.split("\r\n") if line.lower().startswith("date:")]
        assert dates == ["Date: Thu, 01 Jan 1970 00:00:00 GMT"]


@pytest.mark.parametrize("is_accepted", [False, True])
async def test_the_request_of_a_websocket_has_an_empty_body(autojump_clock, is_accepted):
    app, seen = App(Config(limits=Limits(body_bytes=0))), []

    @app.websocket("/")
    async def handler(ws):
        if is_accepted:
            await ws.accept()
        seen.append(await ws.request.body())
        await ws.send("fine")

    async with in_memory(app) as peer:
        await peer.send(handshake())
        await peer.receive_head()
        assert await peer.receive_text() == "fine"
    assert seen == [b""]


async def test_a_stream_that_its_owner_closes_while_it_is_served_ends_quietly(autojump_clock, caplog):
    app = App()

    @app.get("/")
    async def index(request):
        await theirs.aclose()
        return "never"

    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trioweb.serve_stream, app, theirs)
        peer = RawPeer(ours)
        await peer.send(GET % b"/")
        assert await peer.receive_end() == b""
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
