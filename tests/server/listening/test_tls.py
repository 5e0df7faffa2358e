"""A whole server over TLS, as a user would notice it."""

from __future__ import annotations

import gc
import os
import socket
import ssl
import weakref
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import trio
import trio.testing
from support.serving import running
from support.tls import VERSIONS, contexts, tls_client
from support.waiting import until

import trioweb
from trioweb import App, Config, Limits, Timeouts
from trioweb._transport.tls_transport import TlsTransport
from trioweb.testing import BINARY, TEXT, RawPeer, frame

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(params=VERSIONS)
def certificates(request):
    return contexts(request.param)


def echo_app(**options):
    app = App(Config(**options))
    app.endings = []

    @app.websocket("/")
    async def echo(ws):
        try:
            async for message in ws:
                await ws.send(message)
        finally:
            app.endings.append(ws.closed)

    @app.get("/")
    async def index(request):
        return "hello"

    @app.post("/")
    async def upload(request):
        return str(len(await request.body()))

    return app


@asynccontextmanager
async def opened(server, client_context):
    async with tls_client(server.port, client_context) as client:
        peer = RawPeer(client)
        await peer.open()
        yield peer


async def test_a_tls_socket_needs_no_reader_task_of_its_own(certificates):
    """A stream would have a reader task of its own."""
    server_context, client_context = certificates
    async with running(echo_app(), ssl_context=server_context) as server, AsyncExitStack() as stack:
        await stack.enter_async_context(opened(server, client_context))
        before = trio.lowlevel.current_statistics().tasks_living
        for _ in range(5):
            await stack.enter_async_context(opened(server, client_context))
        assert trio.lowlevel.current_statistics().tasks_living == before + 5


async def test_messages_of_all_sizes_come_back(certificates):
    server_context, client_context = certificates
    async with (
        running(echo_app(), ssl_context=server_context) as server,
        opened(server, client_context) as peer,
    ):
        for length in (0, 1, 125, 126, 16_384, 65_535, 65_536, 100_000, 900_000):
            message = os.urandom(length)
            await peer.send_binary(message)
            assert await peer.receive_binary() == message
        assert await peer.close() == (1000, "")
        assert peer.stream.has_heard_goodbye


async def test_statistics_count_the_frames_and_not_the_records_around_them(certificates):
    server_context, client_context = certificates
    async with running(echo_app(), ssl_context=server_context) as server:
        async with opened(server, client_context) as peer:
            for length, header_bytes in ((5, 2), (200, 4), (100_000, 10)):
                before = server.statistics()
                await peer.send_binary(b"x" * length)
                await peer.receive_binary()
                await until(lambda: server.statistics().messages_sent == before.messages_sent + 1)  # noqa: B023
                after = server.statistics()
                assert after.bytes_received - before.bytes_received == header_bytes + 4 + length
                assert after.bytes_sent - before.bytes_sent == header_bytes + length
            assert (after.control_frames_received, after.control_frames_sent) == (0, 0)
            assert await peer.close() == (1000, "")
        await until(lambda: server.statistics().control_bytes_sent == 2 + 2)
        assert server.statistics().control_bytes_received == 6 + 2


async def test_many_frames_in_one_write_come_back_in_order(certificates):
    server_context, client_context = certificates
    async with (
        running(echo_app(), ssl_context=server_context) as server,
        opened(server, client_context) as peer,
    ):
        await peer.send(b"".join(frame(TEXT, b"%d" % number) for number in range(5000)))
        assert [await peer.receive_text() for _ in range(5000)] == [str(number) for number in range(5000)]


async def test_floods_both_ways_at_once_pass_each_other(certificates):
    server_context, client_context = certificates
    app, size, count = App(), 200_000, 20

    @app.websocket("/")
    async def both(ws):
        async def send():
            for _ in range(count):
                await ws.send(b"s" * size)

        ws.nursery.start_soon(send)
        for _ in range(count):
            assert await ws.receive() == b"c" * size
        await ws.receive()

    async with (
        running(app, ssl_context=server_context) as server,
        opened(server, client_context) as peer,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(peer.send, frame(BINARY, b"c" * size) * count)
        for _ in range(count):
            assert await peer.receive_binary() == b"s" * size


async def test_a_full_inbox_stops_reading_and_comes_back(certificates):
    server_context, client_context = certificates
    app, may_receive = App(Config(limits=Limits(inbox_messages=4))), trio.Event()
    count = 2000

    @app.websocket("/")
    async def slow(ws):
        await ws.accept()
        await may_receive.wait()
        for number in range(count):
            assert await ws.receive() == b"%4d" % number + b"x" * 10_000
        await ws.send("all")

    async with running(app, ssl_context=server_context) as server, opened(server, client_context) as peer:
        frames = b"".join(frame(BINARY, b"%4d" % number + b"x" * 10_000) for number in range(count))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.send, frames)
            await trio.testing.wait_all_tasks_blocked(0.05)
            may_receive.set()
            assert await peer.receive_text() == "all"


async def test_a_peer_that_never_reads_is_cut_and_its_memory_bounded(certificates):
    server_context, client_context = certificates
    app = App(Config(limits=Limits(outbox_bytes=200_000), timeouts=Timeouts(send_seconds=0.3)))
    held, endings = [], []

    @app.websocket("/")
    async def flood(ws):
        try:
            while True:
                await ws.send(b"x" * 60_000)
                held.append(sum(map(len, ws._outlet.transport._unsent)) + ws.outbox.statistics().bytes)
        except trioweb.ConnectionClosed as error:
            endings.append(error.close.code)

    async with running(app, ssl_context=server_context) as server, opened(server, client_context):
        await until(lambda: endings, 20)
        assert endings == [1006]
        assert max(held) < 200_000 + 60_000 + 66_000
        await until(lambda: server.connections == 0)


async def test_a_protocol_error_is_explained_before_the_end(certificates):
    server_context, client_context = certificates
    async with (
        running(echo_app(), ssl_context=server_context) as server,
        opened(server, client_context) as peer,
    ):
        await peer.send(frame(TEXT, b"unmasked", mask=None))
        assert (await peer.receive_close())[0] == 1002
        assert await peer.receive_end() == b""
        assert peer.stream.has_heard_goodbye


@pytest.mark.parametrize("says_goodbye", [True, False])
async def test_a_peer_that_leaves_without_a_close_frame_has_left(certificates, says_goodbye):
    server_context, client_context = certificates
    app = echo_app()
    async with running(app, ssl_context=server_context) as server, opened(server, client_context) as peer:
        if says_goodbye:  # and leaves TCP open
            await peer.stream.send_raw(peer.stream.goodbye())
        else:
            peer.stream.socket.shutdown(socket.SHUT_WR)
        await until(lambda: app.endings)
        assert app.endings[0].code == 1006
        await until(lambda: server.connections == 0)


async def test_requests_are_answered_one_after_the_other_and_bodies_read(certificates):
    server_context, client_context = certificates
    async with (
        running(echo_app(), ssl_context=server_context) as server,
        tls_client(server.port, client_context) as client,
    ):
        peer = RawPeer(client)
        for _ in range(3):
            await peer.send(GET)
            assert (await peer.receive_response())[1] == b"hello"
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 700000\r\n\r\n"
        await peer.send(head + b"x" * 700_000)
        assert (await peer.receive_response())[1] == b"700000"


async def test_a_client_that_half_closes_after_the_request_gets_the_response(certificates):
    server_context, client_context = certificates
    async with (
        running(echo_app(), ssl_context=server_context) as server,
        tls_client(server.port, client_context) as client,
    ):
        await client.send_raw(client.encrypted(GET) + client.goodbye())
        peer = RawPeer(client)
        assert (await peer.receive_response())[1] == b"hello"
        assert await peer.receive_end() == b""
        assert client.has_heard_goodbye


async def test_half_a_handshake_has_its_deadline(certificates):
    server_context, _ = certificates
    app = echo_app(timeouts=Timeouts(head_seconds=0.1))
    async with running(app, ssl_context=server_context) as server:
        async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
            await stream.send_all(b"\x16\x03\x01\x02\x00\x01")
            with trio.fail_after(5):
                assert await stream.receive_some() == b""
        await until(lambda: server.connections == 0)


async def test_a_client_of_another_version_is_refused_and_the_next_is_served():
    server_context, old_context = contexts("TLS 1.2")
    server_context.minimum_version = ssl.TLSVersion.TLSv1_3
    async with running(echo_app(), ssl_context=server_context) as server:
        with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
            async with tls_client(server.port, old_context):
                raise AssertionError("hands were shaken")
        async with opened(server, contexts("TLS 1.3")[1]) as peer:
            assert await peer.close() == (1000, "")


async def test_negotiation_is_left_to_the_ssl_context():
    server_context, client_context = contexts()
    server_context.set_alpn_protocols(["http/1.1"])
    client_context.set_alpn_protocols(["h2", "http/1.1"])
    async with (
        running(echo_app(), ssl_context=server_context) as server,
        tls_client(server.port, client_context) as client,
    ):
        assert client.tls.selected_alpn_protocol() == "http/1.1"


async def test_a_shutdown_sends_its_close_code_and_then_the_tls_goodbye(certificates):
    server_context, client_context = certificates
    async with (
        running(echo_app(), ssl_context=server_context) as server,
        opened(server, client_context) as peer,
    ):
        server.stop()
        assert (await peer.receive_close())[0] == 1001
        await peer.send(frame(8, b"\x03\xe9"))
        assert await peer.receive_end() == b""
        assert peer.stream.has_heard_goodbye


async def test_a_unix_socket_may_speak_tls(certificates, tmp_path):
    server_context, client_context = certificates
    path = str(tmp_path / "web.sock")
    async with trio.open_nursery() as nursery:

        async def serve(task_status):
            await trioweb.serve(
                echo_app(), unix_path=path, ssl_context=server_context, task_status=task_status
            )

        server = await nursery.start(serve)
        plain = await trio.open_unix_socket(path)
        async with trio.SSLStream(plain, client_context, server_hostname="localhost") as stream:
            peer = RawPeer(stream)
            await peer.send(GET)
            assert (await peer.receive_response())[1] == b"hello"
        await server.aclose()


async def test_an_ended_connection_leaves_nothing_for_the_collector(certificates, monkeypatch):
    server_context, client_context = certificates
    references = []

    class Noted(TlsTransport):
        __slots__ = ("__weakref__",)

        def __init__(self, *arguments):
            super().__init__(*arguments)
            references.append(weakref.ref(self))

    monkeypatch.setattr("trioweb._transport.carrying.TlsTransport", Noted)
    async with running(echo_app(), ssl_context=server_context) as server:
        gc.collect()
        gc.disable()
        try:
            async with opened(server, client_context) as peer:
                await peer.send_text("hello")
                assert await peer.receive_text() == "hello"
                await peer.close()
                await until(lambda: server.connections == 0)
                assert references[0]() is None
        finally:
            gc.enable()
