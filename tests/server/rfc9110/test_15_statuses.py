"""RFC 9110 §15: which status says what, and with which fields."""

from __future__ import annotations

import json

import pytest
from support.conduct import Site, refused, request, talk

from trioweb import App, Config, Limits, Text


def app(**options):
    app = App(Config(**options))

    @app.get("/page")
    async def page(request):
        return Text("page")

    @app.post("/json")
    async def read_json(request):
        await request.json()
        return Text("read")

    @app.post("/text")
    async def read_text(request):
        return Text(await request.text())

    @app.websocket("/ws")
    async def ws(ws):
        await ws.receive()

    return app


def post(path, body, *lines):
    return request(f"Content-Length: {len(body)}", *lines, start=f"POST {path} HTTP/1.1", body=body)


GOOD = request(start="GET /page HTTP/1.1")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request(start="GET /%ff HTTP/1.1"), 400),
        (request(start="GET /%00%ff HTTP/1.1"), 400),
        (post("/json", b"{"), 400),
        (post("/json", b"\xff"), 400),
        (post("/json", b"[" * 100_000), 400),
        (post("/text", b"\xff"), 400),
        (request(start="GET /nowhere HTTP/1.1"), 404),
        (request(start="GET /PAGE HTTP/1.1"), 404),
        (request(start="GET /page/ HTTP/1.1"), 404),
        (request(start="DELETE /page HTTP/1.1"), 405),
        (post("/ws", b""), 405),
        (post("/text", b"x", "Content-Type: text/plain; charset=utf-7"), 415),
        (request(start="GET /ws HTTP/1.1"), 426),
        (request(start="HEAD /ws HTTP/1.1"), 426),
    ],
)
async def test_a_request_that_cannot_be_answered_leaves_the_connection_to_the_next(
    autojump_clock, data, status
):
    conversation = await talk(app(), data + GOOD, methods=[data.split()[0].decode()])
    assert conversation.statuses == [status, 200]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request("X"), 400),
        (request("Content-Length: 1048577", start="POST /text HTTP/1.1"), 413),
        (b"GET /" + b"a" * 20_000, 414),
        (request("X: " + "y" * 20_000), 431),
        (request(start="CONNECT a:1 HTTP/1.1"), 501),
        (request("Transfer-Encoding: gzip, chunked"), 501),
        (b"X" * 50, 501),
        (request(start="GET / HTTP/2.0"), 505),
    ],
)
async def test_a_request_that_cannot_be_read_is_the_last(autojump_clock, data, status):
    assert await refused(data + GOOD) == status


async def test_15_5_6_405_lists_the_allowed_methods(autojump_clock):
    conversation = await talk(app(), request(start="DELETE /page HTTP/1.1") + post("/ws", b""))
    assert [answer.headers["allow"] for answer in conversation.answers] == ["GET, HEAD", "GET"]


async def test_15_5_9_408_and_15_5_14_413_name_the_setting(autojump_clock):
    conversation = await talk(app(), request()[:-1], is_ended=False)
    assert "Timeouts.head_seconds" in conversation.bodies[0]
    for body in (b"x" * 11, b""):
        data = request("Content-Length: 11", start="POST /text HTTP/1.1", body=body)
        conversation = await talk(app(limits=Limits(body_bytes=10)), data, is_ended=False)
        assert "Limits.body_bytes" in conversation.bodies[0]


async def test_15_5_14_a_body_in_chunks_is_413_when_it_grows_too_long(autojump_clock):
    data = request(
        "Transfer-Encoding: chunked",
        start="POST /text HTTP/1.1",
        body=b"6\r\nhello \r\n6\r\nworld!\r\n0\r\n\r\n",
    )
    conversation = await talk(app(limits=Limits(body_bytes=10)), data + GOOD, is_ended=False)
    assert conversation.statuses == [413]
    assert conversation.answers[0].headers.tokens("connection") == ["close"]


async def test_15_5_22_426_says_what_to_upgrade_to(autojump_clock):
    conversation = await talk(app(), request(start="GET /ws HTTP/1.1"))
    headers = conversation.answers[0].headers
    assert headers.tokens("upgrade") == ["websocket"]
    assert "upgrade" in headers.tokens("connection"), "RFC 9110 §7.8"
    assert headers["sec-websocket-version"] == "13", "RFC 6455 §4.4"


@pytest.mark.parametrize("accept", ["application/json", "text/html", "text/plain", "*/*", "", "junk;;q=x"])
async def test_an_error_comes_in_the_form_that_the_client_prefers(autojump_clock, accept):
    conversation = await talk(app(), request(f"Accept: {accept}", start="GET /<script> HTTP/1.1"))
    (answer,) = conversation.answers
    assert answer.status == 404
    assert answer.headers["vary"] == "Accept"
    if accept == "application/json":
        assert json.loads(answer.body)["status"] == 404
    assert b"<script>" not in answer.body


async def test_a_refusal_contains_nothing_that_could_be_run(autojump_clock):
    conversation = await talk(Site(), request(host="Host: <script>alert(1)</script>"))
    (answer,) = conversation.answers
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"
