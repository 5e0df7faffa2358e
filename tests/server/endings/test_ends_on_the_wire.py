"""The end of TCP after that of a WebSocket: a FIN after the close frame, at once, and not a reset."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from support.links.carriers import CARRIERS, carried
from support.serving import in_memory

from trioweb import App, Config, Limits, Timeouts
from trioweb.testing import CLOSE, TEXT, RawPeer, close_frame, frame

PATIENT = Timeouts(close_seconds=60, handler_grace_seconds=60, ping_interval_seconds=None)
"""Settings with which the test ends before any deadline."""

MUCH = frame(TEXT, b"x" * 60_000) * 20


async def read_to_the_end(peer):
    """Return the close code, and check that the end follows it; a reset, or TLS that is cut off, raises."""
    while (got := await peer.receive_frame()).opcode != CLOSE:
        pass
    assert not peer.buffer
    assert not await peer.stream.receive_some()
    return int.from_bytes(got.payload[:2], "big")


async def send_all_the_same(peer, data):
    """Send bytes that may be refused midway, as a peer does that reads in another task."""
    try:
        await peer.send(data)
    except trio.BrokenResourceError:
        pass


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_tcp_ends_with_the_closing_handshake_even_if_the_handler_continues(carrier):
    app, may_end = App(Config(timeouts=PATIENT)), trio.Event()

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        await may_end.wait()

    async with carried(app, carrier) as (server, stream):
        peer = RawPeer(stream)
        await peer.open()
        await peer.send(close_frame(4001))
        with trio.fail_after(10):
            assert await read_to_the_end(peer) == 4001
        assert server.connections == 1
        may_end.set()


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_tcp_ends_with_the_closing_handshake_at_a_shutdown(carrier):
    app, may_end = App(Config(timeouts=PATIENT)), trio.Event()

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        await may_end.wait()

    async with carried(app, carrier) as (server, stream):
        peer = RawPeer(stream)
        await peer.open()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.aclose)
            with trio.fail_after(10):
                assert await peer.receive_close() == (1001, "")
                await peer.send(close_frame(1001))
                assert not await peer.stream.receive_some()
            may_end.set()


@pytest.mark.slow
@pytest.mark.parametrize("carrier", CARRIERS)
async def test_bytes_after_a_peers_close_frame_do_not_reset_the_answer_to_it(carrier):
    app = App(Config(timeouts=PATIENT))

    @app.websocket("/")
    async def handler(ws):
        await ws.receive()

    async with carried(app, carrier) as (_, stream):
        peer = RawPeer(stream)
        await peer.open()
        with trio.fail_after(10):
            await peer.send(close_frame(1000) + MUCH)
            for _ in range(5):  # it reads only after all writing, as a simple client does
                await trio.sleep(0.01)
                await peer.send(MUCH)
            assert await read_to_the_end(peer) == 1000


@pytest.mark.slow
@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_peer_that_breaks_the_protocol_and_keeps_sending_is_told_why(carrier):
    app = App(Config(timeouts=PATIENT))

    @app.websocket("/")
    async def handler(ws):
        await ws.receive()

    async with carried(app, carrier) as (_, stream):
        peer = RawPeer(stream)
        await peer.open()
        with trio.fail_after(10):
            await peer.send(frame(0x3, b"") + MUCH)
            for _ in range(5):  # it reads only after all writing, as a simple client does
                await trio.sleep(0.01)
                await peer.send(MUCH)
            assert await read_to_the_end(peer) == 1002


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_peer_that_keeps_sending_and_never_answers_finds_the_close_frame(carrier):
    app = App(Config(limits=Limits(inbox_messages=4), timeouts=Timeouts(close_seconds=0.2)))

    @app.websocket("/")
    async def handler(ws):
        await ws.receive()

    async with carried(app, carrier) as (_, stream):
        peer, has_ended = RawPeer(stream), trio.Event()
        await peer.open()

        async def send_on():
            while not has_ended.is_set():
                await send_all_the_same(peer, frame(TEXT, b"x" * 1000))
                await trio.sleep(0.001)

        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send_on)
                assert await read_to_the_end(peer) == 1000
                has_ended.set()


async def test_a_peer_that_never_stops_sending_has_its_time_bounded(autojump_clock):
    app = App(Config(timeouts=Timeouts(close_seconds=5, handler_grace_seconds=1)))

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()

    async with in_memory(app) as peer:
        await peer.open()
        started = trio.current_time()
        assert await peer.receive_close() == (1000, "")
        with pytest.raises(trio.BrokenResourceError):
            while True:
                await peer.send(frame(TEXT, b"still here"))
                await trio.sleep(0.25)
        assert trio.current_time() - started == pytest.approx(6, abs=0.3)


async def test_a_peer_that_never_stops_sending_has_its_bytes_bounded(autojump_clock, monkeypatch):
    monkeypatch.setattr("trioweb._websocket.closing_handshake.LATE_INPUT_BYTES", 100_000)
    app = App(Config(timeouts=PATIENT))

    @app.websocket("/")
    async def handler(ws):
        await ws.receive()

    async with in_memory(app) as peer:
        await peer.open()
        await peer.send(frame(0x3, b""))
        assert (await peer.receive_close())[0] == 1002
        with pytest.raises(trio.BrokenResourceError):
            for _ in range(20):
                await peer.send(b"x" * 10_000)
                await trio.testing.wait_all_tasks_blocked()


@pytest.mark.slow
@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize(
    ("head", "status"),
    [("Content-Length: 3000000", 413), ("Content-Length: 900000", 404), ("Content-Length: no number", 400)],
)
async def test_a_response_arrives_whole_even_if_the_client_sends_all_before_it_reads(carrier, head, status):
    app = App(Config(timeouts=PATIENT))

    @app.post("/large")
    async def large(request):
        return await request.body()

    path = "/nowhere" if status == 404 else "/large"
    async with carried(app, carrier) as (_, stream):
        peer = RawPeer(stream)
        await peer.send(f"POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{head}\r\n\r\n".encode())
        with trio.fail_after(10):
            for _ in range(9):
                await peer.send(b"x" * 100_000)
                await trio.sleep(0.01)
            answer, _ = await peer.receive_response()
            assert answer.startswith(f"HTTP/1.1 {status} ")
            assert not peer.buffer
            assert not await peer.stream.receive_some()


async def test_a_request_that_was_read_whole_needs_no_lingering(autojump_clock):
    app = App(Config(timeouts=PATIENT))

    @app.get("/")
    async def index(request):
        return "hello"

    ours, theirs = trio.testing.memory_stream_pair()
    async with in_memory(app, pair=lambda: (ours, Whole(theirs))) as peer:
        await peer.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        await peer.receive_response()
        assert await peer.receive_end() == b""
        assert trio.current_time() == 0


class Whole(trio.abc.Stream):
    """A stream that cannot be half closed."""

    def __init__(self, stream):
        self.stream = stream

    async def send_all(self, data):
        await self.stream.send_all(data)

    async def wait_send_all_might_not_block(self):
        await self.stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes=None):
        return await self.stream.receive_some(max_bytes)

    async def aclose(self):
        await self.stream.aclose()
