"""A field that a client left out is the client's mistake, wherever the handler looks for it."""

from __future__ import annotations

import pytest
import trio
from support.conduct import request, talk
from support.serving import in_memory

from trioweb import App, HandshakeRejected, HTTPError, Stream, Text
from trioweb.testing import open_client

FORM = request(
    "Content-Type: application/x-www-form-urlencoded",
    "Content-Length: 3",
    start="POST /form HTTP/1.1",
    body=b"a=1",
)
FILE = request(
    "Content-Type: application/x-www-form-urlencoded",
    "Content-Length: 3",
    start="POST /file HTTP/1.1",
    body=b"a=1",
)


def site():
    app = App()

    @app.get("/query")
    async def query(request):
        return request.query["missing"]

    @app.get("/cookie")
    async def cookie(request):
        return request.cookies["missing"]

    @app.get("/header")
    async def header(request):
        return request.headers["X-Missing"]

    @app.post("/form")
    async def form(request):
        return (await request.form())["missing"]

    @app.post("/file")
    async def file(request):
        return (await request.form()).files["missing"].filename

    @app.get("/caught")
    async def caught(request):
        try:
            return request.query["missing"]
        except KeyError:
            return Text("it was not there")

    @app.get("/bug")
    async def bug(request):
        return {}["missing"]

    @app.websocket("/ws")
    async def listen(ws):
        await ws.send(ws.request.query["missing"])

    return app


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (request(start="GET /query HTTP/1.1"), "'missing' of the query"),
        (request(start="GET /cookie HTTP/1.1"), "cookie missing"),
        (request(start="GET /header HTTP/1.1"), "header X-Missing"),
        (FORM, "'missing' of the form"),
        (FILE, "file 'missing' of the form"),
    ],
)
async def test_a_missing_field_is_400_with_its_name_and_not_a_server_error(
    autojump_clock, caplog, data, named
):
    conversation = await talk(site(), data)
    assert conversation.statuses == [400]
    assert named in conversation.bodies[0]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_handshake_without_a_field_that_its_handler_reads_is_refused(autojump_clock):
    async with open_client(site()) as client:
        with pytest.raises(HandshakeRejected, match="400"):
            async with client.websocket("/ws"):
                pass


async def read_as_a_number(ws):
    await ws.accept()
    await ws.send(str(ws.request.query.read("n", int)))


async def miss_in_a_task(ws):
    async def look():
        await ws.send(ws.request.cookies["missing"])

    await ws.accept()
    ws.nursery.start_soon(look)
    await trio.sleep_forever()


@pytest.mark.parametrize(
    ("handler", "path", "named"),
    [
        (read_as_a_number, "/", "'n' of the query is missing"),
        (read_as_a_number, "/?n=x", "'n' of the query is 'x'"),
        (read_as_a_number, "/?" + "&" * 1000, "1000 fields"),
        (miss_in_a_task, "/", "cookie missing"),
    ],
)
async def test_a_missing_field_after_accepting_closes_with_1008_and_one_line_of_the_log(
    autojump_clock, caplog, handler, path, named
):
    caplog.set_level("INFO", "trioweb")
    app = App()
    app.websocket("/")(handler)
    async with open_client(app) as client, client.websocket(path) as ws:
        assert named in (await ws.expect_close(1008)).reason
    (record,) = [record for record in caplog.records if named in record.message]
    assert (record.levelname, record.exc_info) == ("INFO", None)


async def test_a_bug_beside_a_missing_field_is_still_a_bug(autojump_clock, caplog):
    app = App()

    @app.websocket("/")
    async def listen(ws):
        await ws.accept()

        async def fail():
            try:
                await trio.sleep_forever()
            finally:
                raise RuntimeError("a bug")

        ws.nursery.start_soon(fail)
        await ws.send(ws.request.query["missing"])

    async with open_client(app, raise_errors=False) as client, client.websocket("/") as ws:
        await ws.expect_close(1011)
    assert "a bug" in caplog.text


async def test_a_late_error_of_the_handlers_own_is_1011_and_logged_with_its_traceback(autojump_clock, caplog):
    app = App()

    @app.websocket("/")
    async def listen(ws):
        await ws.accept()
        raise HTTPError(404)

    async with in_memory(app) as peer:
        await peer.open("/")
        assert (await peer.receive_close())[0] == 1011
    assert [record.exc_info for record in caplog.records if record.levelname == "ERROR"] != [None]


async def tell_missing(request):
    yield b"x"
    yield request.query["missing"].encode()


async def tell_odd(request):
    yield b"x"
    async with trio.open_nursery():
        request.query.read("n", int)


async def tell_json(request):
    yield b"x"
    await request.json()


@pytest.mark.parametrize(
    ("tell", "named"),
    [
        (tell_missing, "'missing' of the query"),
        (tell_odd, "'n' of the query is 'x'"),
        (tell_json, "not JSON"),
    ],
)
async def test_a_missing_field_during_a_response_cuts_it_with_one_line_of_the_log(
    autojump_clock, caplog, tell, named
):
    caplog.set_level("INFO", "trioweb")
    app = App()

    @app.get("/")
    async def index(request):
        return Stream(tell(request))

    async with in_memory(app) as peer:
        await peer.send(request(start="GET /?n=x HTTP/1.1"))
        await peer.receive_head()
        received = peer.buffer
        while piece := await peer.stream.receive_some():
            received += piece
        assert received == b"1\r\nx\r\n"
    (record,) = [record for record in caplog.records if "broke off" in record.message]
    assert named in record.message
    assert (record.levelname, record.exc_info) == ("INFO", None)


async def test_a_missing_field_can_be_caught_as_a_key_error_and_other_key_errors_are_bugs(
    autojump_clock, caplog
):
    data = request(start="GET /caught HTTP/1.1") + request(start="GET /bug HTTP/1.1")
    conversation = await talk(site(), data)
    assert conversation.statuses == [200, 500]
    assert conversation.bodies[0] == "it was not there"


async def test_a_missing_field_read_with_get_is_none(autojump_clock):
    app, seen = App(), []

    @app.get("/")
    async def index(request):
        seen.append((request.query.get("a"), request.cookies.get("a"), request.headers.get("a")))
        seen.append(("a" in request.query, "a" in request.cookies, "a" in request.headers))

    await talk(app, request())
    assert seen == [(None, None, None), (False, False, False)]
