"""Where connections come from: TCP v4 and v6, Unix sockets, TLS, listeners given."""

from __future__ import annotations

import errno
import logging
import os
import resource
import socket
import struct
from functools import partial

import httpx
import pytest
import trio
from support.serving import connected, running
from support.tls import contexts
from support.waiting import until

import trioweb
from trioweb import App, Config, ConfigError, Text
from trioweb.testing import RawPeer


def echo_app(**options):
    app = App(Config(**options))

    @app.websocket("/")
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    @app.get("/scheme")
    async def scheme(request):
        return Text(f"{request.scheme} {request.client}")

    return app


async def talk(stream):
    async with stream:
        peer = RawPeer(stream)
        await peer.open()
        await peer.send_text("hello")
        assert await peer.receive_text() == "hello"
        assert await peer.close() == (1000, "")


async def test_a_server_listens_on_ipv6():
    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(trioweb.serve, echo_app(), "::1", 0))
        assert server.urls == [f"http://[::1]:{server.port}"]
        await talk(await trio.open_tcp_stream("::1", server.port))
        await server.aclose()


async def test_a_unix_socket_is_made_replaced_when_stale_and_removed(tmp_path):
    path = tmp_path / "web.sock"
    for _ in range(2):
        async with trio.open_nursery() as nursery:
            server = await nursery.start(partial(trioweb.serve, echo_app(), unix_path=path))
            assert server.urls == [f"unix:{path}"]
            assert server.port is None
            await talk(await trio.open_unix_socket(path))
            with pytest.raises(OSError) as caught:
                await trioweb.serve(echo_app(), unix_path=path)
            assert caught.value.errno == errno.EADDRINUSE
            await server.aclose()
        assert not path.exists()
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(os.fspath(path))
        stale.close()


async def test_a_path_that_is_not_a_socket_is_left_alone(tmp_path):
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(ConfigError, match="is not a socket"):
        await trioweb.serve(echo_app(), unix_path=path)
    assert path.read_text() == "data"


async def test_a_server_speaks_tls():
    server_context, client_context = contexts()
    async with running(echo_app(), ssl_context=server_context) as server:
        assert server.urls == [f"https://127.0.0.1:{server.port}"]
        stream = await trio.open_ssl_over_tcp_stream("localhost", server.port, ssl_context=client_context)
        await talk(stream)
        async with httpx.AsyncClient(verify=client_context) as http:
            answer = await http.get(f"https://localhost:{server.port}/scheme")
        assert answer.text.startswith("https 127.0.0.1:")


async def test_large_messages_come_back_over_tls():
    server_context, client_context = contexts()
    async with running(echo_app(), ssl_context=server_context) as server:
        stream = await trio.open_ssl_over_tcp_stream("localhost", server.port, ssl_context=client_context)
        async with stream:
            peer = RawPeer(stream)
            await peer.open()
            await peer.send_binary(b"x" * 900_000)
            assert await peer.receive_binary() == b"x" * 900_000
            await peer.close()


async def test_plain_http_on_a_tls_port_harms_nobody(caplog):
    caplog.set_level(logging.DEBUG, "trioweb")
    server_context, client_context = contexts()
    async with running(echo_app(), ssl_context=server_context) as server:
        async with connected(server) as peer:
            await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await peer.receive_end()
        await until(lambda: server.connections == 0)
        assert "spoke no TLS" in caplog.text
        await talk(await trio.open_ssl_over_tcp_stream("localhost", server.port, ssl_context=client_context))


async def test_a_peer_that_leaves_a_plain_listener_is_not_blamed_for_speaking_no_tls(caplog):
    caplog.set_level(logging.DEBUG, "trioweb")
    app = App()

    @app.get("/")
    async def long(request):
        return Text("x" * 20_000_000)

    async with running(app) as server:
        async with connected(server) as peer:
            await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await peer.receive_head()
        await until(lambda: "the peer is gone" in caplog.text)
    assert "TLS" not in caplog.text


async def test_a_tls_handshake_that_never_arrives_is_ended():
    server_context, _ = contexts()
    app = echo_app(timeouts=trioweb.Timeouts(head_seconds=0.1, idle_seconds=0.1))
    async with running(app, ssl_context=server_context) as server, connected(server) as peer:
        with trio.fail_after(5):
            await peer.receive_end()
        await until(lambda: server.connections == 0)


async def test_given_listeners_are_served_and_closed():
    server_context, client_context = contexts()
    plain = await trio.open_tcp_listeners(0, host="127.0.0.1")
    secure = await trio.open_ssl_over_tcp_listeners(0, server_context, host="127.0.0.1")
    ports = [plain[0].socket.getsockname()[1], secure[0].transport_listener.socket.getsockname()[1]]
    async with running(echo_app(), listeners=[*plain, *secure]) as server:
        assert server.port == ports[0]
        await talk(await trio.open_tcp_stream("127.0.0.1", ports[0]))
        await talk(await trio.open_ssl_over_tcp_stream("localhost", ports[1], ssl_context=client_context))
    for port in ports:
        with pytest.raises(OSError):
            await trio.open_tcp_stream("127.0.0.1", port)


async def test_a_server_without_an_address_listens_on_port_8000_of_this_machine():
    async with trio.open_nursery() as nursery:
        try:
            server = await nursery.start(trioweb.serve, App())
            place = server.urls[0]
        except OSError as error:  # the port is somebody else's
            place = str(error)
        nursery.cancel_scope.cancel()
    assert "127.0.0.1:8000" in place or "127.0.0.1 port 8000 is in use" in place


async def test_contradicting_arguments_are_refused():
    with pytest.raises(ConfigError, match="takes an App"):
        await trioweb.serve(object())
    with pytest.raises(ConfigError, match="either listeners or unix_path, not both"):
        await trioweb.serve(App(), listeners=[], unix_path="x")
    with pytest.raises(ConfigError, match="either unix_path or host and port, not both"):
        await trioweb.serve(App(), "127.0.0.1", unix_path="x")  # the default, but given
    with pytest.raises(ConfigError, match="either unix_path or host and port, not both"):
        await trioweb.serve(App(), port=80, unix_path="x")
    with pytest.raises(ConfigError, match="either listeners or host and port, not both"):
        await trioweb.serve(App(), None, listeners=[])


async def test_running_out_of_descriptors_is_survived(caplog):
    """Accepting fails with EMFILE for a while, and continues when there are descriptors again."""
    async with running(echo_app()) as server:
        await talk(await trio.open_tcp_stream("127.0.0.1", server.port))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        clients = [socket.socket() for _ in range(3)]
        hoard = []
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
            with pytest.raises(OSError):
                while True:
                    hoard.append(socket.socket())
            for client in clients:
                client.connect(("127.0.0.1", server.port))
            await until(lambda: "ulimit" in caplog.text)
        finally:
            for held in hoard:
                held.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for client in clients:
            client.setblocking(False)
            await talk(trio.SocketStream(trio.socket.from_stdlib_socket(client)))


async def test_many_connections_at_once_are_all_accepted():
    async with running(echo_app()) as server, trio.open_nursery() as nursery:

        async def one():
            await talk(await trio.open_tcp_stream("127.0.0.1", server.port))

        for _ in range(200):
            nursery.start_soon(one)


async def test_a_unix_socket_in_a_missing_folder_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError):
        await trioweb.serve(App(), unix_path=tmp_path / "nowhere" / "web.sock")


async def test_a_unix_socket_whose_path_is_too_long_is_an_oserror(tmp_path):
    with pytest.raises(OSError, match="too long"):
        await trioweb.serve(App(), unix_path=tmp_path / ("x" * 120))
    assert not list(tmp_path.iterdir())


async def test_the_port_of_a_tls_listener_is_known():
    server_context, _ = contexts()
    listeners = await trio.open_ssl_over_tcp_listeners(0, server_context, host="127.0.0.1")
    async with running(echo_app(), listeners=listeners) as server:
        assert server.port == listeners[0].transport_listener.socket.getsockname()[1]
        assert server.urls == [f"https://127.0.0.1:{server.port}"]


async def test_a_stream_whose_peer_has_gone_before_it_is_served_ends():
    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    async with listener:
        client = socket.create_connection(listener.socket.getsockname())
        stream = await listener.accept()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        with trio.fail_after(5):
            await trioweb.serve_stream(echo_app(), stream)
        assert stream.socket.fileno() == -1


@pytest.mark.parametrize("port", [-1, 65536, 70000, "8000"])
async def test_an_invalid_port_is_refused(port):
    with pytest.raises(ConfigError, match=f"port={port!r}: a port is a number from 0 to 65535"):
        await trioweb.serve(App(), port=port)


@pytest.mark.parametrize(("host", "place"), [("127.0.0.1", "127.0.0.1 port"), (None, "port")])
async def test_a_port_in_use_is_reported_with_advice(host, place):
    with socket.create_server(("0.0.0.0", 0)) as other, pytest.raises(OSError) as caught:
        await trioweb.serve(App(), host, other.getsockname()[1])
    assert caught.value.errno == errno.EADDRINUSE
    assert caught.value.strerror.startswith(place)
    assert caught.value.strerror.endswith("stop the program that listens there, or choose another port")


async def test_an_address_of_another_machine_raises_the_oserror_of_the_system():
    with pytest.raises(OSError) as caught:
        await trioweb.serve(App(), "192.0.2.1", 0)
    assert caught.value.errno == errno.EADDRNOTAVAIL
