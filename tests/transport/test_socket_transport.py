"""A socket and the pump, plain or with TLS: the calls of its receiver, and the cost of a bug."""

from __future__ import annotations

import socket
import struct
import sys
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from support.receiving import Pile, Recorder, begin
from support.tls import VERSIONS, contexts

from trioweb._transport.flusher import Flusher
from trioweb._transport.poller import open_poller
from trioweb._transport.pump import Pump
from trioweb._transport.socket_transport import SocketTransport
from trioweb._transport.tls_transport import TlsTransport

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs epoll or kqueue")


def tcp_pair():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        return listener.accept()[0], client


def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@pytest.fixture(params=[None, *VERSIONS])
def tls(request):
    return request.param


@asynccontextmanager
async def connected(pair=None, tls=None):
    """A transport and the socket at its other end; with TLS, after a first write."""
    pump = Pump(open_poller(), Flusher())
    ours, client = pair or tcp_pair()
    transport = SocketTransport(ours, pump)
    if tls is not None:
        server_context, client_context = contexts(tls)
        transport = TlsTransport(transport, server_context)
        client = client_context.wrap_socket(
            client, server_hostname="localhost", do_handshake_on_connect=False
        )
        async with trio.open_nursery() as background:
            background.start_soon(pump.flusher.run)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(transport.secure)
                await trio.to_thread.run_sync(client.do_handshake)
            background.cancel_scope.cancel()
        await transport.send_all(b"hi")
        assert client.recv(2) == b"hi"
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pump.run)
            yield transport, client
            nursery.cancel_scope.cancel()
    finally:
        await transport.aclose()
        client.close()
        pump.close()


def fill(transport):
    """Fill the kernel's buffer for output."""
    with pytest.raises(BlockingIOError):
        while True:
            transport._socket.send(b"x" * 65_536)


async def settled():
    await trio.testing.wait_all_tasks_blocked(0.01)


async def test_bytes_are_passed_on_and_so_is_the_end(tls):
    async with connected(tls=tls) as (transport, client):
        recorder = Recorder()
        begin(transport, recorder, Pile())
        client.send(b"hello")
        await settled()
        client.close()
        await settled()
        assert recorder.told == [("data", b"hello"), "ended"]


async def test_a_false_report_of_readability_is_harmless():
    async with connected() as (transport, client):
        recorder = Recorder()
        begin(transport, recorder, Pile())
        transport.on_readable(trio.current_time())
        assert recorder.told == []
        client.send(b"hello")
        await settled()
        assert recorder.told == [("data", b"hello")]


async def test_a_full_kernel_buffer_is_waited_for():
    async with connected() as (transport, client):
        recorder, output = Recorder(), Pile(b"y" * 10)
        begin(transport, recorder, output)
        fill(transport)
        transport.flush()
        transport.flush()
        assert recorder.told == ["blocked"]
        client.setblocking(False)
        received = b""
        with trio.fail_after(10):
            while not received.endswith(b"y" * 10):
                await trio.lowlevel.wait_readable(client)
                received = received[-10:] + client.recv(1_000_000)
        await settled()
        assert recorder.told[-1] == "drained"


async def test_a_write_to_a_peer_that_has_reset_reports_the_loss(tls):
    async with connected(tls=tls) as (transport, client):
        recorder = Recorder()
        begin(transport, recorder, Pile(b"x"))
        transport.pause_reading()
        reset(client)
        transport.flush()
        assert recorder.told == ["lost"]


async def test_a_peer_that_has_stopped_reading_is_lost_even_if_it_may_still_write(tls):
    async with connected(socket.socketpair(), tls) as (transport, client):
        recorder = Recorder()
        begin(transport, recorder, Pile(b"x"))
        client.shutdown(socket.SHUT_RD)
        transport.flush()
        assert recorder.told == ["lost"]


async def test_bytes_before_a_loss_are_received(tls):
    async with connected(tls=tls) as (transport, client):
        recorder = Recorder()
        begin(transport, recorder, Pile(b"x"))
        client.send(b"bye")
        reset(client)
        transport.flush()
        assert recorder.told == [("data", b"bye"), "lost"]


@pytest.mark.parametrize("failing", ["data", "ended"])
async def test_a_bug_on_the_reading_side_costs_one_connection(caplog, failing, tls):
    async with connected(tls=tls) as (transport, client):
        recorder = Recorder(failing)
        begin(transport, recorder, Pile())
        client.send(b"x")
        client.shutdown(socket.SHUT_WR)
        await settled()
        assert recorder.told[-1] == "lost"
        assert f"a bug in {failing}" in caplog.text
        client.setblocking(False)
        assert client.recv(1) == b""


async def test_a_bug_on_the_writing_side_costs_one_connection(caplog):
    async with connected() as (transport, client):
        recorder = Recorder()
        output = Pile(b"y", None)
        begin(transport, recorder, output)
        fill(transport)
        transport.flush()
        client.setblocking(False)
        with trio.fail_after(10), pytest.raises((ConnectionResetError, AssertionError)):
            while True:
                await trio.lowlevel.wait_readable(client)
                assert client.recv(1_000_000), "the end"
        assert recorder.told == ["blocked", "lost"]
        assert "a bug in the output" in caplog.text


async def test_nothing_is_reported_or_written_after_an_abort(tls):
    async with connected(tls=tls) as (transport, client):
        recorder = Recorder()
        begin(transport, recorder, Pile(b"x"))
        transport.abort()
        transport.abort()
        transport.flush()
        transport.pause_reading()
        transport.resume_reading()
        await settled()
        assert recorder.told == []
        assert client.recv(1) == b""
        assert transport.end_output() is False


async def test_pulled_bytes_end_with_the_peer_and_sending_to_it_fails(tls):
    async with connected(tls=tls) as (transport, client):
        client.send(b"hello")
        assert await transport.receive() == b"hello"
        reset(client)
        assert await transport.receive() == b""
        with pytest.raises(trio.BrokenResourceError, match="the peer is gone"):
            await transport.send_all(b"x")


async def test_a_socket_closes_at_once_only_if_nothing_is_unread(tls):
    async with connected(tls=tls) as (transport, client):
        begin(transport, Recorder(), Pile())
        transport.pause_reading()
        client.send(b"unread")
        await settled()
        assert transport.try_close() is False
        assert transport.end_output() is True
        assert client.recv(1) == b""
        transport.resume_reading()
        await settled()
        assert transport.try_close() is True
        assert transport.try_close() is True
