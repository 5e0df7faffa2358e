"""What a client left out is its own mistake, wherever the handler looks for it."""

from __future__ import annotations

import pytest
from support.conduct import request, talk
from support.peer import handshake
from support.serving import in_memory

from trioweb import App, Text

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
async def test_what_a_handler_misses_is_400_and_named_and_no_error_of_the_server(
    autojump_clock, caplog, data, named
):
    conversation = await talk(site(), data)
    assert conversation.statuses == [400]
    assert named in conversation.bodies[0]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_handshake_without_it_is_refused(autojump_clock):
    async with in_memory(site()) as peer:
        await peer.send(handshake("/ws"))
        assert (await peer.receive_head()).startswith("HTTP/1.1 400")


async def test_it_can_still_be_caught_as_a_key_error_and_other_ones_are_bugs(autojump_clock, caplog):
    data = request(start="GET /caught HTTP/1.1") + request(start="GET /bug HTTP/1.1")
    conversation = await talk(site(), data)
    assert conversation.statuses == [200, 500]
    assert conversation.bodies[0] == "it was not there"


async def test_what_is_asked_for_without_a_need_is_none(autojump_clock):
    app, seen = App(), []

    @app.get("/")
    async def index(request):
        seen.append((request.query.get("a"), request.cookies.get("a"), request.headers.get("a")))
        seen.append(("a" in request.query, "a" in request.cookies, "a" in request.headers))

    await talk(app, request())
    assert seen == [(None, None, None), (False, False, False)]
