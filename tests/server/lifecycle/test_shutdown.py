"""Shutting down: graceful by `aclose` and by cancellation, and never later than promised."""

from __future__ import annotations

import logging
from functools import partial

import pytest
import trio
import trio.testing
from support.serving import connected, in_memory, quick, running
from support.tls import contexts
from support.waiting import until

import trioweb
from trioweb import App, Close, Text
from trioweb.testing import TEXT, RawPeer, close_frame, frame, handshake


async def start(nursery, app, **options):
    return await nursery.start(partial(trioweb.serve, app, port=0, **options))


async def test_aclose_sends_queued_messages_then_1001_to_every_websocket():
    app = App(quick())
    seen = []

    @app.websocket("/")
    async def handler(ws):
        await ws.send("first")
        async for message in ws:
            seen.append(message)
        seen.append(ws.closed)
        with pytest.raises(trioweb.ConnectionClosedOK):
            await ws.send("too late")

    async with running(app) as server, connected(server) as one, connected(server) as two:
        for peer in (one, two):
            await peer.open()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(server.aclose, reason="deploy"))
            for peer in (one, two):
                assert await peer.receive_text() == "first"
                assert await peer.receive_close() == (1001, "deploy")
                await peer.send(close_frame(1001))
                await peer.receive_end()
    assert seen == [Close(1001, "deploy")] * 2
    assert seen[0].received_first is False


async def test_cancelling_the_scope_is_graceful():
    app = App(quick())
    ended = []

    @app.websocket("/")
    async def handler(ws):
        try:
            async for _ in ws:
                pass
            ended.append(ws.closed)
        finally:
            ended.append("finally")

    async with trio.open_nursery() as nursery:
        server = await start(nursery, app)
        async with connected(server) as peer:
            await peer.open()
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                assert await peer.receive_close() == (1001, "")
                await peer.send(close_frame(1001))
                await peer.receive_end()
    assert ended == [Close(1001), "finally"]


@pytest.mark.parametrize("wait", ["wait_closed", "aclose"])
async def test_a_task_that_waits_for_the_end_of_a_server_goes_on_when_that_is_cancelled(wait, autojump_clock):
    scope = trio.CancelScope()

    async def serve_within_scope(*, task_status):
        with scope:
            await trioweb.serve(App(), port=0, task_status=task_status)

    async with trio.open_nursery() as nursery:
        server = await nursery.start(serve_within_scope)
        scope.cancel()
        with trio.fail_after(60):
            await getattr(server, wait)()


async def test_a_request_in_flight_is_answered_and_idle_connections_are_closed():
    app = App(quick())
    begun, go_on = trio.Event(), trio.Event()

    @app.get("/slow")
    async def slow(request):
        begun.set()
        await go_on.wait()
        return Text("done")

    async with running(app) as server, connected(server) as busy, connected(server) as idle:
        await busy.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await begun.wait()
        server.stop()
        assert await idle.receive_end() == b""
        go_on.set()
        head, body = await busy.receive_response()
        assert body == b"done"
        assert "connection: close" in head.lower()
        await busy.receive_end()


async def test_nobody_is_accepted_once_a_shutdown_has_begun():
    app = App(quick())

    @app.websocket("/")
    async def handler(ws):
        await ws.receive()

    async with running(app) as server, connected(server) as peer:
        await peer.open()
        server.stop()
        await peer.receive_close()
        with pytest.raises(OSError):
            await trio.open_tcp_stream("127.0.0.1", server.port)


async def test_a_handler_that_ignores_the_end_is_cancelled_after_its_grace():
    app = App(quick())
    ended = []

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        try:
            await trio.sleep_forever()
        finally:
            ended.append("finally")

    async with running(app) as server, connected(server) as peer:
        await peer.open()
        started = trio.current_time()
        with trio.fail_after(3):
            await server.aclose()
        assert 0.2 < trio.current_time() - started < 2
    assert ended == ["finally"]


@pytest.mark.slow
async def test_a_peer_that_has_stopped_reading_does_not_prolong_a_shutdown():
    app = App(quick(drain_seconds=1))

    @app.websocket("/")
    async def handler(ws):
        while True:
            await ws.send(b"x" * 1_000_000)

    @app.get("/big")
    async def big(request):
        return trioweb.Response(b"x" * 50_000_000)

    async with running(app) as server, connected(server) as one, connected(server) as two:
        await one.open()
        await two.send(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        await trio.testing.wait_all_tasks_blocked(0.05)
        started = trio.current_time()
        await server.aclose()

        assert trio.current_time() - started < 1.5


async def test_a_deadline_given_to_aclose_holds():
    app = App(quick(handler_grace_seconds=100))

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        await trio.sleep_forever()

    async with running(app) as server, connected(server) as peer:
        await peer.open()
        started = trio.current_time()
        await server.aclose(grace_seconds=0.2)
        assert trio.current_time() - started < 1


async def test_abort_ends_at_once():
    app = App()

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        await trio.sleep_forever()

    async with running(app) as server, connected(server) as peer:
        await peer.open()
        started = trio.current_time()
        server.abort()
        await server.aclose()
        assert trio.current_time() - started < 1


async def test_a_handshake_that_is_not_decided_yet_gets_503():
    app = App(quick())
    begun = trio.Event()

    @app.websocket("/")
    async def handler(ws):
        begun.set()
        await trio.sleep_forever()

    async with running(app) as server, connected(server) as peer:
        await peer.send(handshake())
        await begun.wait()
        server.stop()
        head = await peer.receive_head()
        assert head.startswith("HTTP/1.1 503")


@pytest.mark.parametrize("place", ["handler", "middleware"])
async def test_a_websocket_that_would_open_during_the_shutdown_gets_503(place):
    app = App(quick())
    begun, stopped = trio.Event(), trio.Event()

    async def wait(where):
        if where == place:
            begun.set()
            await stopped.wait()

    @app.middleware
    async def around(request, call_next):
        await wait("middleware")
        return await call_next(request)

    @app.websocket("/")
    async def handler(ws):
        await wait("handler")
        await ws.send("too late")

    async with running(app) as server, connected(server) as peer:
        await peer.send(handshake())
        await begun.wait()
        server.stop()
        await trio.testing.wait_all_tasks_blocked()
        stopped.set()
        head = await peer.receive_head()
        assert head.startswith("HTTP/1.1 503")
        assert "retry-after: 1" in head.lower()


async def test_a_port_in_use_is_an_oserror():
    async with running(App()) as server:
        with pytest.raises(OSError):
            await trioweb.serve(App(), port=server.port)


async def test_serve_stream_ends_gracefully_when_cancelled(autojump_clock):
    app = App()

    @app.websocket("/")
    async def handler(ws):
        await ws.receive()

    ours, theirs = trio.testing.memory_stream_pair()
    peer = RawPeer(ours)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trioweb.serve_stream, app, theirs)
        await peer.open()
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            assert await peer.receive_close() == (1001, "")


async def test_after_a_thousand_connects_and_drops_nothing_is_left(caplog):
    caplog.set_level(logging.WARNING)
    app = App()

    @app.websocket("/")
    async def handler(ws):
        async for message in ws:
            await ws.send(message)

    async with running(app) as server:
        before = trio.lowlevel.current_statistics().tasks_living
        for number in range(1000):
            stream = await trio.open_tcp_stream("127.0.0.1", server.port)
            peer = RawPeer(stream)
            if number % 3:
                await peer.open()
            if number % 3 == 2:
                await peer.send(frame(TEXT, b"x") + b"\x81")
            await stream.aclose()
        await until(lambda: not (server.connections))
        assert trio.lowlevel.current_statistics().tasks_living == before
        async with connected(server) as peer:
            await peer.open()
            await peer.send_text("as at first")
            assert await peer.receive_text() == "as at first"
    assert not caplog.records


async def test_statistics_count_what_happened():
    app = App()

    @app.websocket("/")
    async def handler(ws):
        async for message in ws:
            await ws.send(message)

    async with running(app) as server:
        async with connected(server) as peer:
            await peer.open()
            for _ in range(3):
                await peer.send_text("x")
                await peer.receive_text()
            assert server.statistics().websockets == 1
            await peer.close(4000)
        await until(lambda: not (server.connections))
        statistics = server.statistics()
        assert (statistics.messages_received, statistics.messages_sent) == (3, 3)
        assert statistics.close_codes == {4000: 1}
        assert (statistics.websockets, statistics.websockets_accepted, statistics.connections_accepted) == (
            0,
            1,
            1,
        )
        assert server.urls == [f"http://127.0.0.1:{server.port}"]


async def test_memory_streams_and_sockets_are_served_alike(autojump_clock):
    app = App()

    @app.get("/")
    async def index(request):
        return Text("same")

    async with in_memory(app) as peer:
        await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await peer.receive_response())[1] == b"same"


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01"])
@pytest.mark.parametrize("through", ["context", "listener"])
async def test_a_client_that_does_not_finish_its_tls_handshake_holds_no_shutdown(said, through):
    context, _ = contexts()
    options = {"ssl_context": context}
    if through == "listener":
        options = {"listeners": await trio.open_ssl_over_tcp_listeners(0, context, host="127.0.0.1")}
    async with running(App(), **options) as server, connected(server) as peer:
        await until(lambda: server.connections == 1)
        await peer.send(said)
        started = trio.current_time()
        with trio.fail_after(5):
            await server.aclose()
        assert trio.current_time() - started < 3
