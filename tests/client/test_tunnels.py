"""Connecting through a proxy: CONNECT, and TLS before it, behind it, or both."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
import trio.testing
from support.server_manners import refuse_and_reset
from support.tls import contexts

import trioweb
from trioweb import ConfigError, ConnectFailed
from trioweb._client import dialing


async def pass_on(source, target):
    try:
        while data := await source.receive_some():
            await target.send_all(data)
        await target.aclose()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass


class ConnectProxy:
    """A proxy that opens any tunnel, and remembers what it was asked."""

    def __init__(self):
        self.requests = []
        self.url = ""

    async def serve(self, stream):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await stream.receive_some(1)
        self.requests.append(head.decode().splitlines())
        host, port = head.split()[1].decode().split(":")
        async with stream, await trio.open_tcp_stream(host, int(port)) as server:
            await stream.send_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(pass_on, stream, server)
                nursery.start_soon(pass_on, server, stream)


@asynccontextmanager
async def proxying(ssl_context=None):
    proxy = ConnectProxy()

    async def serve(stream):
        if ssl_context is not None:
            stream = trio.SSLStream(stream, ssl_context, server_side=True, https_compatible=True)
        await proxy.serve(stream)

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        scheme = "http" if ssl_context is None else "https"
        proxy.url = f"{scheme}://127.0.0.1:{listener.socket.getsockname()[1]}"
        yield proxy
        nursery.cancel_scope.cancel()


async def check_echo(url, **options):
    async with trioweb.connect(url, **options) as ws:
        await ws.send("x" * 100_000)
        assert await ws.receive() == "x" * 100_000
    assert ws.closed.code == 1000


async def test_a_tunnel_leads_to_an_unencrypted_server(serve):
    server = await serve()
    async with proxying() as proxy:
        await check_echo(f"ws://127.0.0.1:{server.port}/", proxy=proxy.url)

    assert proxy.requests[0][0] == f"CONNECT 127.0.0.1:{server.port} HTTP/1.1"


async def test_tls_begins_after_the_proxy(serve):
    server_context, context = contexts()
    server = await serve(ssl_context=server_context)
    async with proxying() as proxy:
        await check_echo(f"wss://localhost:{server.port}/", proxy=proxy.url, ssl_context=context)

    assert proxy.requests[0][0] == f"CONNECT localhost:{server.port} HTTP/1.1"


@pytest.mark.parametrize("is_secure", [False, True], ids=["ws", "wss"])
async def test_a_proxy_may_itself_be_reached_by_tls(serve, monkeypatch, is_secure):
    server_context, context = contexts()
    monkeypatch.setattr(dialing, "default_ssl_context", lambda: context)
    server = await serve(ssl_context=server_context) if is_secure else await serve()
    scheme = "wss" if is_secure else "ws"
    async with proxying(server_context) as proxy:
        await check_echo(f"{scheme}://localhost:{server.port}/", proxy=proxy.url)

    assert len(proxy.requests) == 1


async def test_a_user_in_the_url_of_the_proxy_is_sent_to_it_and_not_to_the_server(serve):
    server = await serve()
    async with proxying() as proxy:
        url = proxy.url.replace("://", "://ann:secret@")
        async with trioweb.connect(f"ws://127.0.0.1:{server.port}/", proxy=url):
            pass

    assert "Proxy-Authorization: Basic YW5uOnNlY3JldA==" in proxy.requests[0]


async def test_the_environment_names_a_proxy_which_false_ignores(serve, monkeypatch, resolve):
    server = await serve()
    resolve({"server.example": "127.0.0.1"})
    async with proxying() as proxy:
        monkeypatch.setenv("ws_proxy", proxy.url)
        async with trioweb.connect(f"ws://server.example:{server.port}/"):
            pass
        assert len(proxy.requests) == 1
        async with trioweb.connect(f"ws://server.example:{server.port}/", proxy=False):
            pass
        async with trioweb.connect(f"ws://127.0.0.1:{server.port}/"):
            pass
    assert len(proxy.requests) == 1


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n", "asks for a user"),
        (b"HTTP/1.1 502 Bad\r\nContent-Length: 4\r\n\r\ndown", "502 Bad, and said .*down"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "proxy"),
        (b"", "proxy"),
    ],
)
async def test_the_answer_of_a_proxy_that_refuses_a_tunnel_is_in_the_error(serving, answer, text):
    async def refuse(peer):
        await peer.receive_head()
        await peer.send(answer)

    async with serving(refuse) as port:
        with pytest.raises(ConnectFailed, match=text) as caught:
            await check_echo("ws://server.example/", proxy=f"http://127.0.0.1:{port}")

    assert caught.value.phase == "proxy"


async def test_a_refusal_of_a_proxy_that_ends_in_a_reset_is_a_refusal(serving):
    async with serving(refuse_and_reset) as port:
        with pytest.raises(ConnectFailed, match="503 Busy, and said b'later'"):
            async with trioweb.connect("ws://server.example/", proxy=f"http://127.0.0.1:{port}"):
                pass


async def test_a_proxy_that_nobody_serves_is_a_failure_of_the_proxy():
    with pytest.raises(ConnectFailed, match="refused") as caught:
        await check_echo("ws://server.example/", proxy="http://ann:secret@127.0.0.1:1")

    assert caught.value.phase == "proxy"
    assert "ws://server.example/ through the proxy http://127.0.0.1:1: " in str(caught.value)


async def test_a_proxy_without_tls_behind_https_is_recognised(serving):
    async def answer_in_plain_text(peer):
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serving(answer_in_plain_text) as port:
        with pytest.raises(
            ConnectFailed, match=r"the proxy does not speak TLS .* its URL begins with http://"
        ):
            await check_echo("ws://server.example/", proxy=f"https://127.0.0.1:{port}")


async def test_a_proxy_of_another_kind_is_refused_with_advice():
    with pytest.raises(ConfigError, match="SOCKS is not supported"):
        await check_echo("ws://server.example/", proxy="socks5://127.0.0.1:1080")
