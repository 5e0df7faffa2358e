"""Behind a proxy: who the client is, and which pages may open a WebSocket, over real requests."""

from __future__ import annotations

import socket
from functools import partial

import pytest
import trio
from support.conduct import request, talk
from support.serving import in_memory, running

import trioweb
from trioweb import JSON, Address, App, Config
from trioweb.testing import RawPeer, handshake

PROXY = Address("10.0.0.1", 5555)
STRANGER = Address("203.0.113.9", 5555)


class Disguised(trio.abc.Listener[trio.abc.Stream]):
    """A listener whose streams are accepted one by one, as those of TLS are."""

    def __init__(self, listener):
        self._listener = listener

    async def accept(self):
        return await self._listener.accept()

    async def aclose(self):
        await self._listener.aclose()


def app(**options):
    app = App(Config(trusted_proxies=("10.0.0.0/8", "unix"), **options))

    @app.get("/who")
    async def who(request):
        return JSON([request.client and str(request.client), request.scheme, request.host, request.url])

    @app.websocket("/ws")
    async def ws(ws):
        await ws.send(f"{ws.request.client} {ws.request.scheme} {ws.request.host}")

    return app


async def who(*lines, client=PROXY):
    """The request with these fields, as the application sees it."""
    data = request(*lines, start="GET /who HTTP/1.1", host="Host: inner:8000")
    conversation = await talk(app(), data, client=client)
    assert conversation.statuses == [200]
    return conversation.bodies[0]


@pytest.mark.parametrize(
    ("lines", "seen"),
    [
        ([], '["10.0.0.1:5555","http","inner:8000","http://inner:8000/who"]'),
        (
            ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: public.example"],
            '["192.0.2.1","https","public.example","https://public.example/who"]',
        ),
        (
            ["X-FORWARDED-FOR: 6.6.6.6, 192.0.2.1:81,10.0.0.2", "x-forwarded-proto: WSS"],
            '["192.0.2.1:81","https","inner:8000","https://inner:8000/who"]',
        ),
        (
            [
                'forwarded: for=6.6.6.6, For="[2001:DB8::1]:81";Proto=WS;Host="a.example:81", for=10.0.0.2;proto=https'
            ],
            '["[2001:db8::1]:81","http","a.example:81","http://a.example:81/who"]',
        ),
        (["Forwarded: for=_hidden;proto=https"], '[null,"https","inner:8000","https://inner:8000/who"]'),
        (["Forwarded: for=unknown"], '[null,"http","inner:8000","http://inner:8000/who"]'),
        (["Forwarded: for=[::1]", "X: y"], '[null,"http","inner:8000","http://inner:8000/who"]'),
        (
            ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: gopher", "X-Forwarded-Host: <script>"],
            '["192.0.2.1","http","inner:8000","http://inner:8000/who"]',
        ),
    ],
)
async def test_the_handler_sees_the_request_as_a_trusted_proxy_describes_it(autojump_clock, lines, seen):
    assert await who(*lines) == seen


@pytest.mark.parametrize(
    "client", [STRANGER, Address("::1", 1), Address("110.0.0.1", 1), Address("10.0.0.1.example", 1)]
)
async def test_peers_that_are_not_trusted_are_not_believed(autojump_clock, client):
    lines = [
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil",
        "Forwarded: for=127.0.0.1;host=evil",
    ]
    assert await who(*lines, client=client) == f'["{client}","http","inner:8000","http://inner:8000/who"]'


async def test_a_proxy_over_a_unix_socket_is_believed(tmp_path):
    path = tmp_path / "app.sock"
    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(trioweb.serve, app(), unix_path=str(path)))
        async with await trio.open_unix_socket(str(path)) as stream:
            peer = RawPeer(stream)
            await peer.send(request("X-Forwarded-For: 192.0.2.1", start="GET /who HTTP/1.1"))
            assert b'"192.0.2.1"' in (await peer.receive_response())[1]
        await server.aclose(grace_seconds=1)


async def test_the_log_names_the_client_and_not_the_proxy(autojump_clock, caplog):
    caplog.set_level("INFO", "trioweb.access")
    await who("X-Forwarded-For: 192.0.2.1")
    assert '192.0.2.1 "GET /who" 200' in caplog.text


@pytest.mark.parametrize("client", ["_hidden", "unknown", "<b>"])
async def test_the_log_has_a_dash_for_a_client_that_a_proxy_could_not_name(autojump_clock, caplog, client):
    caplog.set_level("INFO", "trioweb.access")
    await who(f'Forwarded: for="{client}"')
    assert [record.getMessage().split('"')[0] for record in caplog.records] == ["- "]


async def test_the_log_has_a_dash_for_the_other_end_of_a_stream_in_memory(autojump_clock, caplog):
    caplog.set_level("INFO", "trioweb.access")
    await who(client=None)
    assert caplog.messages[0].startswith('- "GET /who" 200')


async def logged_over_a_unix_socket(tmp_path, caplog, data, *, is_stream=False):
    """Send this over a Unix socket, and return the messages of the log."""
    caplog.set_level("INFO", "trioweb")
    caplog.clear()
    path = tmp_path / "app.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(listening))
        listeners = [Disguised(listener) if is_stream else listener]
        async with trio.open_nursery() as nursery:
            server = await nursery.start(partial(trioweb.serve, app(), listeners=listeners))
            async with await trio.open_unix_socket(str(path)) as stream:
                peer = RawPeer(stream)
                await peer.send(data)
                await peer.receive_response()
            await server.aclose(grace_seconds=1)
    return [message for message in caplog.messages if " /who" in message or "refused" in message]


@pytest.mark.parametrize("is_stream", [False, True])
async def test_the_log_says_unix_for_a_unix_socket(tmp_path, caplog, is_stream):
    data = request(start="GET /who HTTP/1.1")
    (line,) = await logged_over_a_unix_socket(tmp_path, caplog, data, is_stream=is_stream)
    assert line.startswith('unix "GET /who" 200')


@pytest.mark.parametrize(
    "field",
    ["X-Forwarded-For: unknown", 'Forwarded: for="_hidden"', "Forwarded: for=;;=", "X-Forwarded-For: ,"],
)
async def test_a_client_that_a_proxy_on_a_unix_socket_could_not_name_is_not_the_socket(
    tmp_path, caplog, field
):
    data = request(field, start="GET /who HTTP/1.1")
    (line,) = await logged_over_a_unix_socket(tmp_path, caplog, data)
    assert line.startswith('- "GET /who" 200')


async def test_a_refusal_over_a_unix_socket_or_a_stream_in_memory_says_so(tmp_path, caplog):
    (line,) = await logged_over_a_unix_socket(tmp_path, caplog, b"GET / HTTP/1.1\r\n\r\n")
    assert line.startswith("refused a request from unix with 400")
    caplog.clear()
    async with in_memory(app()) as peer:
        await peer.send(b"GET / HTTP/1.1\r\n\r\n")
        await peer.receive_response()
    assert any(line.startswith("refused a request from - with 400") for line in caplog.messages)


# The origin check behind a proxy that ends TLS (RFC 6455 §10.2).


@pytest.mark.parametrize(
    ("origin", "fields", "status"),
    [
        ("https://public.example", {"X-Forwarded-Proto": "https"}, 101),
        ("https://public.example", {"X-Forwarded-Proto": "wss"}, 101),
        ("https://public.example", {"X-Forwarded-Proto": "HTTPS"}, 101),
        ("https://public.example", {"Forwarded": "for=192.0.2.1;proto=wss"}, 101),
        ("https://public.example", {"Forwarded": "for=192.0.2.1;proto=https"}, 101),
        ("https://public.example", {}, 101),
        ("https://PUBLIC.example:443", {"X-Forwarded-Proto": "https"}, 101),
        ("http://public.example", {"X-Forwarded-Proto": "http"}, 101),
        ("http://public.example", {"X-Forwarded-Proto": "ws"}, 101),
        ("http://public.example", {"X-Forwarded-Proto": "https"}, 403),
        ("http://public.example", {"X-Forwarded-Proto": "wss"}, 403),
        ("https://evil.example", {"X-Forwarded-Proto": "wss"}, 403),
        ("https://public.example:8443", {"X-Forwarded-Proto": "wss"}, 403),
        ("null", {"X-Forwarded-Proto": "wss"}, 403),
    ],
)
async def test_a_page_of_the_same_origin_may_open_a_websocket(autojump_clock, origin, fields, status):
    lines = [
        ("Origin", origin),
        ("Host", "public.example"),
        ("X-Forwarded-For", "192.0.2.1"),
        *fields.items(),
    ]
    if "Forwarded" in fields:
        lines = [line for line in lines if line[0] != "X-Forwarded-For"]
    async with in_memory(app(), client=PROXY) as peer:
        await peer.send(handshake("/ws", *lines))
        assert (await peer.receive_head()).startswith(f"HTTP/1.1 {status} ")
        if status == 101:
            text = await peer.receive_text()
            assert text.startswith("192.0.2.1 ")
            assert text.endswith(" public.example")


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        ("https://public.example", "public.example", 101),
        ("https://public.example", "public.example:443", 101),
        ("https://public.example:8443", "public.example:8443", 101),
        ("https://inner", "public.example", 403),
        ("https://evil.example", "public.example", 403),
    ],
)
async def test_a_proxy_that_changes_host_passes_the_original_on(autojump_clock, origin, host, status):
    fields = [
        ("Origin", origin),
        ("Host", "inner:8000"),
        ("X-Forwarded-Host", host),
        ("X-Forwarded-Proto", "wss"),
    ]
    for client, expected in [(PROXY, status), (STRANGER, 403)]:
        async with in_memory(app(), client=client) as peer:
            await peer.send(handshake("/ws", *fields))
            assert (await peer.receive_head()).startswith(f"HTTP/1.1 {expected} ")


async def test_a_stranger_cannot_forge_the_host_that_an_origin_is_compared_with():
    open_app = App(Config(trusted_proxies=("10.0.0.0/8",)))

    @open_app.websocket("/ws")
    async def ws(ws):
        await ws.receive()

    async with running(open_app) as server, await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        peer = RawPeer(stream)
        for fields in ({"X-Forwarded-Host": "evil.example"}, {"Forwarded": "for=10.0.0.1;host=evil.example"}):
            await peer.send(handshake("/ws", ("Origin", "https://evil.example"), *fields.items()))
            assert (await peer.receive_response())[0].startswith("HTTP/1.1 403 ")
