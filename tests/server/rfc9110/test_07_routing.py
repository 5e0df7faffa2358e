"""RFC 9110 §7: hosts, connection options and upgrades."""

from __future__ import annotations

import pytest
from support.conduct import Site, request, talk
from support.serving import in_memory

from trioweb import Response
from trioweb.testing import handshake

# §7.2, Host.


@pytest.mark.parametrize(
    ("host", "url"),
    [("a.example:8080", "http://a.example:8080/url"), ("[::1]", "http://[::1]/url"), ("", "http:///url")],
)
async def test_7_2_the_host_is_part_of_the_address(autojump_clock, host, url):
    site, seen = Site(), []

    @site.app.get("/url")
    async def get(request):
        seen.append(request.url)

    await talk(site, request(start="GET /url HTTP/1.1", host=f"Host: {host}"))
    assert seen == [url]


# §7.6.1, Connection.


async def test_7_6_1_a_connection_option_of_a_handler_is_kept_and_close_is_acted_on(autojump_clock):
    site = Site()

    @site.app.get("/close")
    async def close(request):
        return Response("bye", headers={"Connection": "close"})

    @site.app.get("/option")
    async def option(request):
        return Response("on", headers={"Connection": "X-Hop", "X-Hop": "1"})

    data = request(start="GET /option HTTP/1.1") + request(start="GET /close HTTP/1.1") + request()
    conversation = await talk(site, data, is_ended=False)
    assert conversation.bodies == ["on", "bye"]
    assert conversation.answers[0].headers.tokens("connection") == ["x-hop"]
    assert conversation.seconds < 1


@pytest.mark.parametrize(
    "options", ["Host", "Content-Length", "Host, Content-Length, close-not", "Transfer-Encoding"]
)
async def test_7_6_1_naming_a_field_as_an_option_does_not_make_it_disappear(autojump_clock, options):
    data = request(f"Connection: {options}", "Content-Length: 5", start="POST /a HTTP/1.1", body=b"hello")
    assert (await talk(Site(), data + request())).bodies == ["POST /a 5", "GET / 0"]


# §7.8, Upgrade.


@pytest.mark.parametrize(
    "lines",
    [
        ["Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__"],
        [
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ],
        ["Upgrade: TLS/1.0", "Connection: Upgrade"],
        ["Upgrade: h2c, websocket"],
        ["Connection: Upgrade"],
        ["Upgrade:"],
    ],
)
async def test_7_8_an_upgrade_that_is_not_supported_is_ignored(autojump_clock, lines):
    conversation = await talk(Site(), request(*lines) + request())
    assert conversation.statuses == [200, 200]
    assert not any("upgrade" in answer.headers for answer in conversation.answers)


def site_with_websocket():
    site = Site()

    @site.app.websocket("/ws")
    async def ws(ws):
        await ws.send("hello")

    return site


async def test_7_8_426_names_the_upgrade_and_makes_it_an_option_of_this_connection(
    autojump_clock,
):
    lines = ["Sec-WebSocket-Version: 12", "Upgrade: websocket", "Connection: Upgrade"]
    conversation = await talk(site_with_websocket(), request(*lines, start="GET /ws HTTP/1.1"))
    (answer,) = conversation.answers
    assert answer.status == 426
    assert answer.headers.tokens("upgrade") == ["websocket"]
    assert answer.headers.tokens("connection") == ["upgrade"]


async def test_7_8_an_upgrade_that_a_handler_offers_is_a_connection_option(autojump_clock):
    site = Site()

    @site.app.get("/offer")
    async def offer(request):
        return Response("x", headers={"Upgrade": "websocket"})

    answers = (await talk(site, request("Connection: close", start="GET /offer HTTP/1.1"))).answers
    assert set(answers[0].headers.tokens("connection")) == {"upgrade", "close"}


async def test_7_8_http_1_0_cannot_upgrade(autojump_clock):
    app = site_with_websocket().app
    async with in_memory(app) as peer:
        await peer.send(handshake("/ws").replace(b"HTTP/1.1", b"HTTP/1.0"))
        head = await peer.receive_head()
        assert " 101 " not in head
        assert "connection: close" in head.lower()
        await peer.receive_end()


async def test_7_8_a_request_with_a_body_opens_no_websocket(autojump_clock):
    data = handshake("/ws", ("Content-Length", "5")) + b"hello" + request()
    assert (await talk(site_with_websocket(), data)).statuses == [400, 200]
    data = handshake("/ws", ("Content-Length", "5"), ("Expect", "100-continue"))
    conversation = await talk(site_with_websocket(), data, is_ended=False)
    assert (conversation.statuses, conversation.answers[0].interim) == ([400], ())
