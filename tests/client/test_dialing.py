"""Reaching a server: TCP, Unix sockets and TLS, and how each of them fails."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest
import trio
from support.tls import contexts

import trioweb
from trioweb import App, ConnectFailed, LocalProtocolError


@pytest.fixture
def app():
    app = App()

    @app.websocket("/")
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    return app


@pytest.fixture
async def serve(nursery, app):
    async def serve(host="127.0.0.1", **options):
        return await nursery.start(
            lambda task_status: trioweb.serve(app, host, 0, task_status=task_status, **options)
        )

    return serve


async def echoed(url, **options):
    async with trioweb.connect(url, **options) as ws:
        await ws.send("hello")
        await ws.send("x" * 100_000)
        answers = await ws.receive(), await ws.receive()
    assert ws.closed.code == 1000
    return answers == ("hello", "x" * 100_000)


@pytest.mark.parametrize("version", ["TLS 1.2", "TLS 1.3"])
async def test_wss_reaches_a_server_whose_certificate_is_for_its_name(serve, version):
    server_context, context = contexts(version)
    server = await serve(ssl_context=server_context)

    assert await echoed(f"wss://localhost:{server.port}/", ssl_context=context, proxy=False)


async def test_a_certificate_may_be_for_an_address(serve):
    server_context, context = contexts()
    server = await serve(ssl_context=server_context)

    assert await echoed(f"wss://127.0.0.1:{server.port}/", ssl_context=context)


async def test_a_dot_at_the_end_of_a_host_does_not_belong_to_the_certificate(serve, resolve):
    server_context, context = contexts()
    server = await serve(ssl_context=server_context)
    resolve({"localhost.": "127.0.0.1"})

    assert await echoed(f"wss://localhost.:{server.port}/", ssl_context=context)


async def test_a_certificate_for_another_host_is_refused_and_the_error_says_so(serve):
    server_context, context = contexts()
    server = await serve("127.0.0.2", ssl_context=server_context)

    with pytest.raises(ConnectFailed, match=r"127\.0\.0\.2.* certificate is not valid") as caught:
        await echoed(f"wss://127.0.0.2:{server.port}/", ssl_context=context)

    assert caught.value.phase == "TLS"
    assert isinstance(caught.value.__cause__.__cause__, ssl.SSLCertVerificationError)


async def test_a_certificate_that_nobody_has_signed_is_refused_by_default(serve):
    server = await serve(ssl_context=contexts()[0])

    with pytest.raises(ConnectFailed, match="certificate is not valid: ") as caught:
        await echoed(f"wss://localhost:{server.port}/")

    assert caught.value.phase == "TLS"


@pytest.mark.parametrize("version", ["TLS 1.2", "TLS 1.3"])
async def test_a_server_that_wants_a_certificate_of_the_client_says_so(serve, version):
    server_context, context = contexts(version)
    server_context.verify_mode = ssl.CERT_REQUIRED
    server = await serve(ssl_context=server_context)

    with pytest.raises(ConnectFailed, match="alert") as caught:
        await echoed(f"wss://localhost:{server.port}/", ssl_context=context)

    assert caught.value.phase == "TLS"


async def test_a_server_without_tls_is_recognised_behind_wss(serving):
    async def serve_http(peer):
        await peer.receive_exactly(1)
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serving(serve_http) as port:
        with pytest.raises(ConnectFailed, match="does not speak TLS on this port"):
            await echoed(f"wss://127.0.0.1:{port}/")


async def test_a_context_for_an_unencrypted_url_is_refused_before_anything_is_sent():
    with pytest.raises(LocalProtocolError, match="nothing is encrypted on the way to ws://host/"):
        trioweb.connect("ws://host/", ssl_context=ssl.create_default_context())


async def test_a_unix_socket_is_reached_by_its_path(nursery, app, tmp_path):
    path = str(tmp_path / "a socket")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(listening))
        await nursery.start(
            lambda task_status: trioweb.serve(app, listeners=[listener], task_status=task_status)
        )
        quoted = path.replace("/", "%2F").replace(" ", "%20")
        assert await echoed(f"ws+unix://{quoted}/")


async def test_a_unix_socket_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConnectFailed, match="nothing-here") as caught:
        await echoed(f"ws+unix://{str(tmp_path).replace('/', '%2F')}%2Fnothing-here/")

    assert caught.value.phase == "Unix socket"


async def test_ipv6_is_written_in_brackets(nursery, app):
    try:
        server = await nursery.start(
            lambda task_status: trioweb.serve(app, "::1", 0, task_status=task_status)
        )
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert await echoed(f"ws://[::1]:{server.port}/")


def closed_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


async def test_a_port_on_which_nobody_listens_is_a_failure_of_tcp_and_an_os_error():
    with pytest.raises(OSError, match=r"\(TCP\).*refused") as caught:
        await echoed(f"ws://127.0.0.1:{closed_port()}/")

    assert caught.value.phase == "TCP"
    assert caught.value.__cause__.__cause__.exceptions[0].errno == errno.ECONNREFUSED


async def test_a_name_that_does_not_exist_is_a_failure_of_tcp(resolve):
    resolve({})

    with pytest.raises(ConnectFailed, match=r"ws://nowhere\.example/: .*Name or service not known") as caught:
        await echoed("ws://nowhere.example/", proxy=False)

    assert caught.value.phase == "TCP"
