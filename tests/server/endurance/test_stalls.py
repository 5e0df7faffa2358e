"""No peer is cut, and nothing is refused, because this side stood still."""

from __future__ import annotations

import logging
import signal
import socket
import time
from functools import partial

import pytest
import trio
from support.load.measured import program
from support.serving import running
from support.tls import contexts

from trioweb import App, Config, Response, Timeouts
from trioweb.testing import CLOSE, PING, PONG, TEXT, RawPeer, close_frame, frame

PATIENCE_SECONDS = 0.5
STALL_SECONDS = 0.8
ROUND_TRIP_SECONDS = 0.1
LONG = b"x" * 6_000_000

TIMEOUTS = Timeouts(
    head_seconds=PATIENCE_SECONDS,
    body_seconds=PATIENCE_SECONDS,
    idle_seconds=PATIENCE_SECONDS,
    ping_interval_seconds=0.2,
    ping_timeout_seconds=PATIENCE_SECONDS,
    send_seconds=PATIENCE_SECONDS,
    close_seconds=PATIENCE_SECONDS,
    handler_grace_seconds=PATIENCE_SECONDS,
    drain_seconds=1,
)


class Stall:
    """The place where peers wait for each other: when all have begun, the loop stalls."""

    def __init__(self, peers):
        self._missing = peers
        self._over = trio.Event()

    async def wait(self):
        self._missing -= 1
        if self._missing:
            await self._over.wait()
        else:
            time.sleep(STALL_SECONDS)  # noqa: ASYNC251 - that is what is tested
            self._over.set()
        await trio.sleep(ROUND_TRIP_SECONDS)


class Visitor:
    def __init__(self, server, transport):
        self._server = server
        self._transport = transport
        self._streams = []
        self.ready = None
        self.stall = None

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        for stream in self._streams:
            await trio.aclose_forcefully(stream)

    async def connect(self, *, shakes_hands=True):
        plain = trio.socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        await plain.connect(("127.0.0.1", self._server.port))
        stream = trio.SocketStream(plain)
        self._streams.append(stream)
        if self._transport != "plain":
            stream = trio.SSLStream(stream, contexts()[1], server_hostname="localhost")
            if shakes_hands:
                await stream.do_handshake()
        return RawPeer(stream)


@pytest.fixture
def app():
    app = App(Config(timeouts=TIMEOUTS))
    app.state.cleaned = []
    app.state.may_clean = trio.Event()

    @app.websocket("/echo")
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    @app.websocket("/long")
    async def long(ws):
        await ws.send(LONG)
        await ws.wait_closed()

    @app.websocket("/bye")
    async def bye(ws):
        await ws.accept()

    @app.websocket("/clean")
    async def clean(ws):
        await ws.accept()
        await ws.wait_closed()
        await app.state.may_clean.wait()
        app.state.cleaned.append("all")

    @app.post("/upload")
    async def upload(request):
        return Response(await request.body())

    @app.get("/")
    async def index(request):
        return Response(b"index")

    @app.get("/long")
    async def download(request):
        return Response(LONG)

    return app


REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


async def is_answered(peer, body):
    head, received = await peer.receive_response()
    assert head.startswith("HTTP/1.1 200"), head
    assert received == body


async def pinged(visitor, app):
    peer = await visitor.connect()
    await peer.open("/echo")
    await visitor.ready.wait()
    ping = await peer.receive_frame()
    assert ping.opcode == PING
    await visitor.stall.wait()
    await peer.send(frame(PONG, ping.payload) + frame(TEXT, b"alive"))
    while (answer := await peer.receive_frame()).opcode == PING:
        pass
    assert answer.payload == b"alive"
    await peer.close()


async def uploading(visitor, app):
    peer = await visitor.connect()
    await visitor.ready.wait()
    await peer.send(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst")
    await visitor.stall.wait()
    await peer.send(b"later")
    await is_answered(peer, b"firstlater")


async def asking(visitor, app):
    peer = await visitor.connect()
    await visitor.ready.wait()
    await peer.send(REQUEST[:10])
    await visitor.stall.wait()
    await peer.send(REQUEST[10:])
    await is_answered(peer, b"index")


async def idling(visitor, app):
    peer = await visitor.connect()
    await peer.send(REQUEST)
    await is_answered(peer, b"index")
    await visitor.ready.wait()
    await peer.send(REQUEST)
    await is_answered(peer, b"index")
    await visitor.stall.wait()
    await peer.send(REQUEST)
    await is_answered(peer, b"index")


async def shaking_hands(visitor, app):
    await visitor.ready.wait()
    peer = await visitor.connect(shakes_hands=False)
    await visitor.stall.wait()
    await peer.send(REQUEST)
    await is_answered(peer, b"index")


async def reading_late(visitor, app):
    peer = await visitor.connect()
    await visitor.ready.wait()
    await peer.open("/long")
    await visitor.stall.wait()
    while len(peer.buffer) < len(LONG):  # any ping comes after it
        peer.buffer += await peer.stream.receive_some(65_536)
        await peer.send(frame(PONG))
    while (got := await peer.receive_frame()).opcode == PING:
        pass
    assert got.payload == LONG
    await peer.close()


async def downloading_late(visitor, app):
    peer = await visitor.connect()
    await visitor.ready.wait()
    await peer.send(b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n")
    await visitor.stall.wait()
    await is_answered(peer, LONG)


async def closing(visitor, app):
    peer = await visitor.connect()
    await visitor.ready.wait()
    await peer.open("/bye")
    assert (await peer.receive_frame()).opcode == CLOSE
    await visitor.stall.wait()
    await peer.send(close_frame(1000))
    await peer.receive_end()


async def cleaning(visitor, app):
    peer = await visitor.connect()
    await peer.open("/clean")
    await visitor.ready.wait()
    await peer.send(close_frame(1000))
    assert await peer.receive_close() == (1000, "")
    await visitor.stall.wait()
    app.state.may_clean.set()


CASES = [
    pinged,
    uploading,
    asking,
    idling,
    shaking_hands,
    reading_late,
    downloading_late,
    closing,
    cleaning,
]


@pytest.mark.parametrize(
    "transport",
    ["plain", pytest.param("TLS", marks=pytest.mark.slow), pytest.param("streams", marks=pytest.mark.slow)],
)
async def test_no_deadline_of_a_peer_passes_while_the_loop_stalls(app, transport, caplog):
    """Each peer acts one round trip after the stall; by then all were long overdue."""
    caplog.set_level(logging.INFO, "trioweb")
    options = {}
    if transport == "TLS":
        options["ssl_context"] = contexts()[0]
    elif transport == "streams":
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        options["listeners"] = [trio.SSLListener(listener, contexts()[0])]
    results = {}

    async def visit(case, visitor):
        try:
            async with visitor:
                await case(visitor, app)
        except (AssertionError, trio.BrokenResourceError) as error:
            results[case.__name__] = repr(error)
        else:
            results[case.__name__] = "well"

    async with running(app, **options) as server:
        stall, ready = Stall(len(CASES)), trio.Event()
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                for case in CASES:
                    visitor = Visitor(server, transport)
                    visitor.stall, visitor.ready = stall, ready
                    nursery.start_soon(partial(visit, case, visitor))
                await trio.testing.wait_all_tasks_blocked(0.05)
                ready.set()
    assert results == {case.__name__: "well" for case in CASES}
    assert app.state.cleaned == ["all"]
    assert not [message for message in caplog.messages if "cut" in message or "refused" in message]


@pytest.mark.slow
async def test_a_peer_that_is_gone_is_noticed_however_often_the_loop_stalls(app):
    """A ping after 0.2 s and 0.5 s for its answer: at half speed 1.4 s, after 2 s that count for nothing."""
    async with running(app) as server, Visitor(server, "plain") as visitor:
        peer = await visitor.connect()
        await peer.open("/echo")
        stalls = 0
        while server.connections:
            time.sleep(0.2)  # noqa: ASYNC251 - that is what is tested
            await trio.sleep(0.001)
            stalls += 1
            assert stalls < 40
        assert stalls > 3


@pytest.mark.slow
async def test_none_of_hundreds_of_peers_is_cut_after_the_process_was_stopped():
    """By SIGSTOP, for longer than a ping's time-out; each answers 0.6 s after its ping, so many are awaited."""
    with program("support.load.measured_server", "1", "2") as server:
        port = server.wait_for_url().rpartition(":")[2]
        with program("support.load.crowd", port, 600, 0.6) as crowd:
            crowd.wait_for("there")
            for pause_seconds in (1.2, 1.7, 2.2):
                await trio.sleep(pause_seconds)
                server.process.send_signal(signal.SIGSTOP)
                await trio.sleep(2.5)
                server.process.send_signal(signal.SIGCONT)
            await trio.sleep(3)  # a peer that is silent until then is cut
            crowd.process.send_signal(signal.SIGUSR1)
            served = await trio.to_thread.run_sync(crowd.wait_for, r"(\d+) served")
    assert served[1] == "600"
