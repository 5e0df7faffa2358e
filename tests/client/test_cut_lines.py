"""A line that fails after each of a session's bytes in turn: the client reports it in time, and leaves nothing behind."""

from __future__ import annotations

from functools import partial

import pytest
import trio
import trio.testing
from support.links.cut_line import WAYS, CutLine
from support.links.cutting_relay import cutting_relay
from support.serving import running
from support.tls import contexts
from support.waiting import until

import trioweb
from trioweb import App, CloseWebSocket, Config, ConnectionClosed, Deflate, HandshakeRejected, Timeouts
from trioweb.errors import ConnectFailed

TIMEOUTS = Timeouts(
    head_seconds=1,
    connect_seconds=1,
    ping_interval_seconds=1,
    ping_timeout_seconds=1,
    send_seconds=1,
    close_seconds=0.5,
    handler_grace_seconds=0.5,
)
AT_MOST_SECONDS = 4
"""A silent line is noticed after the interval and the time-out of pings, and then closed in time."""

INCOMPLETE = (400, 408)
"""The answers of a server to which only a part of the request came."""

CUTS = [(direction, way) for direction in ("up", "down") for way in WAYS]


def application(timeouts):
    app = App(Config(timeouts=timeouts, compression=Deflate()))

    @app.websocket("/echo")
    async def echo(ws):
        async for message in ws:
            if message == "please close":
                raise CloseWebSocket(4321, "as you wish")
            await ws.send(message)

    return app


async def session(connection, log, *, closed_by):
    """Say everything that a client can say; `log` gets each step that it has taken."""
    async with connection as ws:
        log.append("open")
        for message in ("hello", bytes(300), "grüße" * 30):
            await ws.send(message)
            assert await ws.receive() == message
            log.append(message)
        await ws.ping()
        async with ws.send_stream(text=True) as writer:
            await writer.send("in ")
            await writer.send("pieces")
        assert await ws.receive() == "in pieces"
        log.append("pieces")
        if closed_by == "server":
            await ws.send("please close")
            async for message in ws:
                pytest.fail(f"{message!r} was never sent")
        else:
            await ws.aclose(4000, "enough")


async def over_memory(app, line, log, *, closed_by, compression):
    """Run the session over a line, and return the exception that ended it, or `None`."""
    caught = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trioweb.serve_stream, app, line.server)
        connection = trioweb.connect_stream(
            line.client, "ws://localhost/echo", config=Config(timeouts=TIMEOUTS), compression=compression
        )
        try:
            await session(connection, log, closed_by=closed_by)
        except (ConnectFailed, ConnectionClosed, HandshakeRejected) as error:
            caught = error
        await trio.testing.wait_all_tasks_blocked()
        assert line.client.is_closed
        nursery.cancel_scope.cancel()
    return caught


async def whole_session(app, closed_by, compression):
    """Return how many bytes a session that is not cut takes up and down."""
    line = CutLine()
    log = []
    caught = await over_memory(app, line, log, closed_by=closed_by, compression=compression)
    assert (caught is None) == (closed_by == "client")
    return line.passed


def check(caught, log, *, closed_by):
    """Check that the outcome is one that the documentation names."""
    if caught is None:
        assert closed_by == "client"
        assert "pieces" in log
    elif isinstance(caught, ConnectFailed):
        assert log == []
        assert caught.phase == "handshake"
    elif isinstance(caught, HandshakeRejected):
        assert log == []
        assert caught.status in INCOMPLETE
    else:
        assert "open" in log
        assert caught.code in {1006, 4321 if closed_by == "server" else 4000}
        assert caught.code == 1006 or "pieces" in log


async def cut_at(counts, app, direction, way, *, closed_by, compression, tasks):
    for count in counts:
        before, began, log = tasks(), trio.current_time(), []
        line = CutLine(direction, count, way)
        caught = await over_memory(app, line, log, closed_by=closed_by, compression=compression)
        try:
            check(caught, log, closed_by=closed_by)
            assert trio.current_time() - began <= AT_MOST_SECONDS
            await trio.testing.wait_all_tasks_blocked()
            assert tasks() == before
        except AssertionError as error:
            error.add_note(
                f"the line was cut by {way} after {count} bytes {direction}: {caught!r} after {log}"
            )
            raise


@pytest.mark.parametrize(("direction", "way"), CUTS)
async def test_a_line_that_fails_is_reported_in_time_and_nothing_is_left(
    autojump_clock, tasks, direction, way
):
    app = application(TIMEOUTS)
    for closed_by in ("client", "server"):
        passed = await whole_session(app, closed_by, None)
        counts = range(0, passed[direction], 101)
        await cut_at(counts, app, direction, way, closed_by=closed_by, compression=None, tasks=tasks)


@pytest.mark.slow
@pytest.mark.parametrize("compression", [None, Deflate()], ids=["plain", "compressed"])
@pytest.mark.parametrize("closed_by", ["client", "server"])
@pytest.mark.parametrize(("direction", "way"), CUTS)
async def test_a_line_may_fail_after_any_byte(autojump_clock, tasks, direction, way, closed_by, compression):
    app = application(TIMEOUTS)
    passed = await whole_session(app, closed_by, compression)
    counts = range(passed[direction] + 1)
    await cut_at(counts, app, direction, way, closed_by=closed_by, compression=compression, tasks=tasks)


SHORT = Timeouts(
    connect_seconds=1,
    ping_interval_seconds=0.3,
    ping_timeout_seconds=0.3,
    send_seconds=1,
    close_seconds=0.3,
    handler_grace_seconds=0.3,
)


async def over_sockets(port, context, log):
    """Run the session over the loopback, and return the exception that ended it."""
    scheme = "wss" if context else "ws"
    connection = trioweb.connect(
        f"{scheme}://localhost:{port}/echo", ssl_context=context, config=Config(timeouts=SHORT), proxy=False
    )
    try:
        with trio.fail_after(10):
            await session(connection, log, closed_by="server")
    except (ConnectFailed, ConnectionClosed, HandshakeRejected) as error:
        return error
    return None


async def settled(server):
    await until(lambda: not server.connections)
    await trio.testing.wait_all_tasks_blocked(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["ws", "wss"])
@pytest.mark.parametrize(("direction", "way"), CUTS)
async def test_a_real_connection_may_fail_after_any_byte(tasks, open_files, direction, way, scheme):
    listening, calling = contexts() if scheme == "wss" else (None, None)
    most = {"ws": 1400, "wss": 4000}[scheme]

    async def cut_once(port, count):
        log = []
        async with cutting_relay(port, direction, count, way) as relayed:
            caught = await over_sockets(relayed, calling, log)
        try:
            assert caught is not None
            if isinstance(caught, ConnectFailed):
                assert log == []
                assert caught.phase in {"TLS", "handshake"}
            elif isinstance(caught, HandshakeRejected):
                assert caught.status in INCOMPLETE
            else:
                assert caught.code in {1006, 4321}
        except AssertionError as error:
            error.add_note(f"cut by {way} after {count} bytes {direction}: {caught!r} after {log}")
            raise

    async with running(application(SHORT), ssl_context=listening) as server:
        assert isinstance(await over_sockets(server.port, calling, []), ConnectionClosed)
        await settled(server)
        before = tasks(), open_files()
        for start in range(0, most, most // 4):
            async with trio.open_nursery() as nursery:
                for count in range(start, start + most // 4, most // 80):
                    nursery.start_soon(partial(cut_once, server.port, count))
        await settled(server)
        assert (tasks(), open_files()) == before
