"""RFC 9110 §9: methods."""

from __future__ import annotations

import pytest
from support.conduct import Site, refused, request, talk

from trioweb import App, Text


def site():
    app = App()

    @app.get("/page")
    async def page(request):
        return Text(f"page {request.method}")

    @app.post("/form")
    async def form(request):
        return Text(await request.text())

    @app.route("/all", methods=["GET", "PUT", "OPTIONS", "TRACE", "PROPFIND"])
    async def everything(request):
        return Text(request.method, headers={"Allow": "GET, PUT"})

    return app


# §9.3.2, HEAD.


async def test_9_3_2_head_is_answered_where_get_is_and_nowhere_else(autojump_clock):
    data = (
        request(start="HEAD /page HTTP/1.1")
        + request(start="HEAD /form HTTP/1.1")
        + request(start="GET /page HTTP/1.1")
    )
    conversation = await talk(site(), data, methods=["HEAD", "HEAD", "GET"])
    assert conversation.statuses == [200, 405, 200]
    assert conversation.bodies == ["", "", "page GET"]


async def test_9_3_2_an_error_is_answered_to_head_without_a_body(autojump_clock, caplog):
    data = request(start="HEAD /nowhere HTTP/1.1") + request(start="GET /page HTTP/1.1")
    assert (await talk(site(), data, methods=["HEAD", "GET"])).statuses == [404, 200]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"HEAD / HTTP/1.1\r\n\r\n", 400),
        (b"\r\nHEAD / HTTP/1.1\r\nHost: a\r\nbad line\r\n\r\n", 400),
        (b"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400),
        (b"HEAD /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"HEAD / HTTP/9.9\r\nHost: a\r\n\r\n", 505),
        (b"HEAD / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000, 431),
        (b"HEAD /" + b"x" * 20_000, 414),
    ],
)
async def test_9_3_2_a_head_request_that_is_refused_early_gets_no_body(autojump_clock, data, status):
    assert await refused(data, method="HEAD") == status


async def test_9_3_2_a_head_request_that_takes_too_long_gets_no_body(autojump_clock):
    conversation = await talk(
        site(), request(start="HEAD /page HTTP/1.1") + b"HEAD /pa", methods=["HEAD"] * 2, is_ended=False
    )
    assert conversation.statuses == [200, 408]
    assert conversation.bodies == ["", ""]


# §9.3.6, CONNECT.


@pytest.mark.parametrize("target", ["example.org:443", "/", "http://a/", "*"])
async def test_9_3_6_connect_is_501(autojump_clock, target):
    assert await refused(request(start=f"CONNECT {target} HTTP/1.1")) == 501


# §9.3.7, OPTIONS.


async def test_9_3_7_options_is_a_method_like_others(autojump_clock):
    data = request(start="OPTIONS /all HTTP/1.1") + request(start="OPTIONS /page HTTP/1.1")
    conversation = await talk(site(), data)
    assert conversation.statuses[0] == 200
    assert conversation.bodies[0] == "OPTIONS"
    assert set(conversation.answers[1].headers["allow"].split(", ")) >= {"GET", "HEAD"}


# §9.3.8, TRACE.


async def test_9_3_8_trace_sends_nothing_back_that_a_script_must_not_see(autojump_clock):
    data = request("Cookie: session=secret", start="TRACE /page HTTP/1.1") + request(
        start="GET /page HTTP/1.1"
    )
    conversation = await talk(site(), data)
    assert conversation.statuses == [405, 200]
    assert "secret" not in conversation.bodies[0]


# §9.1, any other.


async def test_9_1_a_method_of_an_extension_can_have_a_route(autojump_clock):
    data = request(start="PROPFIND /all HTTP/1.1") + request(start="propfind /all HTTP/1.1")
    conversation = await talk(site(), data)
    assert conversation.statuses == [200, 405]
    assert conversation.answers[1].headers["allow"].split(", ") == [
        "GET",
        "HEAD",
        "OPTIONS",
        "PROPFIND",
        "PUT",
        "TRACE",
    ]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "get", "X"])
async def test_9_1_a_method_that_a_path_lacks_does_not_end_the_connection(autojump_clock, method):
    conversation = await talk(
        Site(), request("Content-Length: 5", start=f"{method} / HTTP/1.1", body=b"GET /") + request()
    )
    assert conversation.statuses[1:] == [200]
