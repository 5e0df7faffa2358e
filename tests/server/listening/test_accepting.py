"""The way of a new connection to its session, or to its refusal."""

from __future__ import annotations

import errno
import re
import socket
import struct

import pytest
import trio
import trio.testing
from support.links.odd_stream import MemoryListener
from support.serving import connected, running
from support.tls import contexts
from support.waiting import until

import trioweb
from trioweb import App, Config, Limits, Timeouts
from trioweb._server.accepting import REFUSALS_AT_A_TIME
from trioweb.testing import RawPeer

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def app_for_one(**timeouts):
    app = App(Config(limits=Limits(connections=1), timeouts=Timeouts(**timeouts)))

    @app.get("/")
    async def index(request):
        return "hello"

    return app


async def refused(server, count):
    """Wait until this many have been refused."""
    await until(lambda: server.statistics().connections_refused >= count)


async def test_connections_beyond_a_number_of_refusals_are_just_dropped(caplog):
    async with running(app_for_one()) as server, connected(server):
        await until(lambda: server.connections == 1)
        clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(70)]
        await refused(server, 70)
        answers = []
        for client in clients:
            client.setblocking(False)
            await trio.lowlevel.wait_readable(client)
            answers.append(client.recv(1000)[:12])
        assert answers.count(b"HTTP/1.1 503") == REFUSALS_AT_A_TIME
        assert answers.count(b"") == 70 - REFUSALS_AT_A_TIME
        for client in clients:
            client.close()
    assert caplog.text.count("refusing connections: there are 1 already (Limits.connections)") == 1


async def test_streams_beyond_a_number_of_refusals_are_closed_without_a_response(autojump_clock):
    listener = MemoryListener()
    pairs = [trio.testing.memory_stream_pair() for _ in range(1 + REFUSALS_AT_A_TIME + 2)]
    async with running(app_for_one(), listeners=[listener]) as server:
        for _, theirs in pairs:
            await listener.put.send(theirs)
        await refused(server, REFUSALS_AT_A_TIME + 2)
        (served, _), *others = pairs
        starts = [await ours.receive_some(12) for ours, _ in others]
        assert starts == [b"HTTP/1.1 503"] * REFUSALS_AT_A_TIME + [b""] * 2
        await served.aclose()


async def test_a_refused_peer_that_is_still_sending_is_told_why():
    async with running(app_for_one()) as server, connected(server):
        await until(lambda: server.connections == 1)
        async with connected(server) as peer:
            await peer.send(GET * 1000)
            head, body = await peer.receive_response()
            assert head.startswith("HTTP/1.1 503")
            assert "Too many connections" in head
            assert "retry-after: 5" in head.lower()
            assert body == b"", "which nobody would expect who asked with HEAD"
            await peer.send(GET * 5000)
            await peer.receive_end()


async def test_a_refused_peer_that_has_gone_already_harms_nobody():
    async with running(app_for_one()) as server:
        async with connected(server):
            await until(lambda: server.connections == 1)
            for _ in range(5):
                client = socket.create_connection(("127.0.0.1", server.port))
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
            await refused(server, 5)
        await until(lambda: server.connections == 0)
        async with connected(server) as peer:
            await peer.send(GET)
            assert (await peer.receive_response())[1] == b"hello"


async def test_a_refusal_over_tls_is_an_end_without_a_response():
    context, _ = contexts()
    async with running(app_for_one(), ssl_context=context) as server, connected(server):
        await until(lambda: server.connections == 1)
        async with connected(server) as peer:
            assert await peer.receive_end() == b""
        assert server.statistics().connections_refused == 1


async def test_listeners_of_any_kind_are_served(autojump_clock):
    listener = MemoryListener()
    ours, theirs = trio.testing.memory_stream_pair()
    async with running(app_for_one(), listeners=[listener]) as server:
        assert (server.urls, server.port) == (["http://MemoryListener"], None)
        await listener.put.send(theirs)
        peer = RawPeer(ours)
        await peer.send(GET)
        assert (await peer.receive_response())[1] == b"hello"
        assert repr(server) == "<Server http://MemoryListener 1 connections>"


@pytest.mark.parametrize("number", [errno.ECONNABORTED, errno.EMFILE])
async def test_accepting_continues_after_an_accept_that_failed(autojump_clock, number):
    listener = MemoryListener()
    ours, theirs = trio.testing.memory_stream_pair()
    async with running(app_for_one(), listeners=[listener]):
        await listener.put.send(OSError(number, "accept failed"))
        await listener.put.send(theirs)
        peer = RawPeer(ours)
        await peer.send(GET)
        assert (await peer.receive_response())[1] == b"hello"


async def test_closing_one_listener_leaves_the_others_running(autojump_clock):
    closed, other = MemoryListener(), MemoryListener()
    ours, theirs = trio.testing.memory_stream_pair()
    async with running(app_for_one(), listeners=[closed, other]):
        await closed.put.send(trio.ClosedResourceError("closed"))
        await other.put.send(theirs)
        peer = RawPeer(ours)
        await peer.send(GET)
        assert (await peer.receive_response())[1] == b"hello"


async def test_a_client_accepted_while_a_shutdown_begins_is_not_kept_waiting(autojump_clock):
    """The session starts after the others were asked to end."""
    ours, theirs = trio.testing.memory_stream_pair()

    class LastMoment(MemoryListener):
        async def accept(self):
            stream = await super().accept()
            server.stop()
            return stream

    listener = LastMoment()
    async with trio.open_nursery() as nursery:

        async def serve(task_status):
            await trioweb.serve(app_for_one(), listeners=[listener], task_status=task_status)

        server = await nursery.start(serve)
        started = trio.current_time()
        await listener.put.send(theirs)
        assert await RawPeer(ours).receive_end() == b""
        await server.wait_closed()
        assert trio.current_time() - started < 1
    assert server.statistics().connections_accepted == 1


async def test_a_shortage_of_descriptors_is_logged_once_a_minute_with_a_count(autojump_clock, caplog):
    listener = MemoryListener()
    ours, theirs = trio.testing.memory_stream_pair()
    async with running(app_for_one(), listeners=[listener]):
        for _ in range(700):  # each is followed by a tenth of a second
            await listener.put.send(OSError(errno.EMFILE, "Too many open files"))
        await listener.put.send(theirs)
        peer = RawPeer(ours)
        await peer.send(GET)
        assert (await peer.receive_response())[1] == b"hello"
    lines = [record.getMessage() for record in caplog.records]
    said = (
        "cannot accept connections for now: [Errno 24] Too many open files (raise the limit with ulimit -n)"
    )
    assert len(lines) == 2
    assert lines[0] == said
    assert re.fullmatch(re.escape(said) + r"; (599|600) times more in 60 s", lines[1])


async def test_refusals_are_logged_once_a_minute_even_if_others_are_admitted_in_between(caplog):
    async with running(app_for_one()) as server:
        for count in (1, 2, 3):
            async with connected(server):
                await until(lambda: server.connections == 1)
                async with connected(server):
                    await refused(server, count)
            await until(lambda: server.connections == 0)
    assert caplog.text.count("refusing connections") == 1
