"""An observer of the wire sees every byte after the handshake, and changes nothing."""

from __future__ import annotations

import gc
import weakref
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from support.receiving import Pile, Recorder
from support.serving import in_memory, running
from support.tls import contexts, tls_client
from support.waiting import until

from trioweb import App, Config, Deflate, HandshakeRejected, HTTPError, Limits, LocalProtocolError, Text
from trioweb._transport.observed_transport import ObservedOutput, ObservedTransport, WireObserver
from trioweb._transport.stream_transport import StreamTransport
from trioweb.testing import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawPeer, frame, handshake

BLOCK = bytes(range(256)) * 1000
"""Many times more than a kernel buffers for a peer that does not read."""


class Tap:
    """The bytes that an observer saw; `watch` passes it to `observe_wire`."""

    def __init__(self):
        self.received = self.sent = b""

    def watch(self, ws):
        ws.observe_wire(received=self._receive, sent=self._send)

    def _receive(self, data):
        assert type(data) is bytes
        self.received += data

    def _send(self, data):
        assert type(data) is bytes
        self.sent += data


class Recorded(trio.abc.Stream):
    """The peer's end, which records all bytes."""

    def __init__(self, stream):
        self.stream = stream
        self.sent = self.received = b""

    async def send_all(self, data):
        self.sent += data
        await self.stream.send_all(data)

    async def receive_some(self, max_bytes=None):
        data = await self.stream.receive_some(max_bytes)
        self.received += data
        return data

    async def wait_send_all_might_not_block(self):
        await self.stream.wait_send_all_might_not_block()

    async def aclose(self):
        await self.stream.aclose()

    async def check(self, tap):
        """Compare the bytes after the two heads with those that were shown.

        Over a stream, a write is shown when the stream has taken it, which may be later than it arrives here.
        """
        sent, received = (data.partition(b"\r\n\r\n")[2] for data in (self.sent, self.received))
        await until(lambda: len(tap.received) >= len(sent) and len(tap.sent) >= len(received))
        assert tap.received == sent
        assert tap.sent == received


@asynccontextmanager
async def over_socket(app):
    async with running(app) as server, await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        yield RawPeer(Recorded(stream))


@asynccontextmanager
async def over_tls(app):
    server_context, client_context = contexts()
    async with (
        running(app, ssl_context=server_context) as server,
        tls_client(server.port, client_context) as client,
    ):
        yield RawPeer(Recorded(client))


@asynccontextmanager
async def over_stream(app):
    async with in_memory(app) as peer:
        yield RawPeer(Recorded(peer.stream))


@asynccontextmanager
async def in_lockstep(app):
    """Over a stream that takes only what the other side reads."""
    async with in_memory(app, pair=trio.testing.lockstep_stream_pair) as peer:
        yield RawPeer(Recorded(peer.stream))


@pytest.fixture(params=[over_socket, over_tls, over_stream, in_lockstep])
def reach(request):
    return request.param


async def test_all_frames_are_shown_as_they_are(reach):
    app, tap = App(), Tap()

    @app.websocket("/")
    async def handler(ws):
        tap.watch(ws)
        async for message in ws:
            await ws.send(message)
            await ws.send(message)

    async with reach(app) as peer:
        await peer.open()
        await peer.send(frame(TEXT, b"hel", is_final=False) + frame(PING, b"?") + frame(CONTINUATION, b"lo"))
        assert (await peer.receive_frame()).opcode == PONG
        assert [await peer.receive_text(), await peer.receive_text()] == ["hello", "hello"]
        await peer.send_binary(b"x" * 1000)
        assert await peer.receive_binary() == await peer.receive_binary() == b"x" * 1000
        assert await peer.close(4000, "enough") == (4000, "enough")
        await peer.stream.check(tap)
    assert tap.sent.endswith(frame(CLOSE, b"\x0f\xa0enough", mask=None))


async def test_frames_that_leave_bit_by_bit_are_shown_in_order_and_once(reach):
    """The kernel takes a part, and the rest when the peer has read."""
    app, tap = App(Config(limits=Limits(outbox_bytes=2**24))), Tap()

    @app.websocket("/")
    async def handler(ws):
        tap.watch(ws)
        for number in range(40):
            ws.send_nowait(BLOCK)
            await ws.send(str(number))
        await ws.flush()

    async with reach(app) as peer:
        await peer.open()
        for number in range(40):
            assert await peer.receive_binary() == BLOCK
            assert await peer.receive_text() == str(number)
        await peer.receive_close()
        await peer.stream.check(tap)


async def test_frames_that_came_with_the_handshake_are_shown(reach):
    app, tap = App(), Tap()

    @app.websocket("/")
    async def handler(ws):
        tap.watch(ws)
        await ws.send(await ws.receive())

    async with reach(app) as peer:
        await peer.send(handshake() + frame(TEXT, b"early"))
        await peer.receive_head()
        assert await peer.receive_text() == "early"
        await peer.receive_close()
        await peer.stream.check(tap)


async def test_messages_of_a_room_are_shown(reach):
    app, tap = App(), Tap()
    room = app.room("all")

    @app.websocket("/")
    async def handler(ws):
        tap.watch(ws)
        async with room.join(ws):
            await room.publish("one")
            await room.publish("two")
            async for message in ws:
                await room.publish(message)

    async with reach(app) as peer:
        await peer.open()
        assert [await peer.receive_text(), await peer.receive_text()] == ["one", "two"]
        await peer.send_text("three")
        assert await peer.receive_text() == "three"
        await peer.stream.check(tap)


@pytest.mark.parametrize("context_takeover", [True, False])
async def test_compressed_frames_are_shown_compressed(reach, context_takeover):
    app, tap = App(), Tap()
    compression = Deflate(context_takeover=context_takeover, minimum_bytes=0)

    @app.websocket("/", compression=compression)
    async def handler(ws):
        tap.watch(ws)
        for _ in range(3):
            await ws.send("the same words " * 20)

    async with reach(app) as peer:
        await peer.open("/", ("Sec-WebSocket-Extensions", "permessage-deflate"))
        for _ in range(3):
            got = await peer.receive_frame()
            assert (got.reserved, len(got.payload) < 100) == (4, True)
        await peer.receive_close()
        await peer.stream.check(tap)


async def test_a_handshake_response_that_the_peer_reads_slowly_is_not_shown(autojump_clock):
    """Neither its head nor the part of it that leaves together with the first frames."""
    app, tap = App(), Tap()

    @app.websocket("/")
    async def handler(ws):
        tap.watch(ws)
        await ws.accept(headers={"X-Long": "x" * 5000})
        await ws.send("first")

    async with in_lockstep(app) as peer:
        await peer.send(handshake())
        for _ in range(100):
            peer.buffer += await peer.stream.receive_some(10)
        await peer.receive_head()
        assert await peer.receive_text() == "first"
        await peer.stream.check(tap)


@pytest.mark.parametrize("direction", ["received", "sent"])
async def test_an_observer_that_fails_is_logged_once_and_the_connection_continues(
    autojump_clock, caplog, direction
):
    app, shown = App(), []

    def fail(data):
        shown.append(data)
        raise LookupError("a bug in the observer")

    @app.websocket("/")
    async def handler(ws):
        ws.observe_wire(**{"received": shown.append, "sent": shown.append, direction: fail})
        async for message in ws:
            await ws.send(message)

    async with in_memory(app) as peer:
        await peer.open()
        for number in range(3):
            await peer.send_text(str(number))
            assert await peer.receive_text() == str(number)
        assert await peer.close() == (1000, "")
    assert len(shown) == (1 if direction == "received" else 2)
    assert [record.exc_info[1].args for record in caplog.records if record.exc_info] == [
        ("a bug in the observer",)
    ]
    assert "is shown nothing more" in caplog.text


async def test_observing_begins_before_accepting_and_once(autojump_clock):
    app, tap = App(), Tap()

    @app.websocket("/")
    async def handler(ws):
        tap.watch(ws)
        with pytest.raises(LocalProtocolError, match="observed already"):
            tap.watch(ws)
        await ws.accept()
        with pytest.raises(LocalProtocolError, match="comes first of all"):
            tap.watch(ws)
        await ws.send("fine")

    async with in_memory(app) as peer:
        await peer.open()
        assert await peer.receive_text() == "fine"


async def test_a_handshake_that_is_refused_shows_nothing(autojump_clock):
    app, tap = App(), Tap()

    @app.websocket("/rejected")
    async def rejected(ws):
        tap.watch(ws)
        await ws.reject(Text("no", 403))
        with pytest.raises(HandshakeRejected):
            tap.watch(ws)

    @app.websocket("/raising")
    async def raising(ws):
        tap.watch(ws)
        raise HTTPError(401)

    async with in_memory(app) as peer:
        for path, status in (("/rejected", "403"), ("/raising", "401")):
            await peer.send(handshake(path))
            assert f" {status} " in (await peer.receive_response())[0]
    assert not tap.received
    assert not tap.sent


@pytest.mark.parametrize("reach", [over_socket, over_tls, over_stream])
async def test_an_ended_connection_that_was_observed_leaves_nothing_for_the_collector(reach):
    app, tap, references = App(), Tap(), []

    @app.websocket("/")
    async def handler(ws):
        tap.watch(ws)
        references.append(weakref.ref(ws))
        async for message in ws:
            await ws.send(message)

    gc.collect()
    gc.disable()
    try:
        async with reach(app) as peer:
            await peer.open()
            await peer.send_text("hello")
            assert await peer.receive_text() == "hello"
            await peer.close()
            await until(lambda: references[0]() is None)
    finally:
        gc.enable()


async def test_bytes_discarded_during_a_write_are_shown_as_far_as_they_left():
    shown = []
    pile = Pile(b"one ", b"two")
    output = ObservedOutput(pile, WireObserver(Recorder().data_received, shown.append))
    assert output.gather() == [b"one "]
    assert output.advance(3)
    assert output.gather() == [b" "]
    pile.buffers[:] = [b""]
    assert not output.advance(1)
    assert shown == [b"one", b" "]


async def test_a_write_that_took_nothing_shows_nothing():
    shown = []
    output = ObservedOutput(Pile(b"one"), WireObserver(Recorder().data_received, shown.append))
    output.gather()
    output.advance(0)
    assert shown == []


async def test_a_connection_that_is_not_observed_pays_nothing(autojump_clock):
    """No wrapper is around the transport that carries its bytes."""
    app, transports = App(), []

    @app.websocket("/{is_watched}")
    async def handler(ws, is_watched):
        if is_watched == "yes":
            Tap().watch(ws)
        await ws.accept()
        transports.append(type(ws._outlet.transport))

    for is_watched in ("no", "yes"):
        async with in_memory(app) as peer:
            await peer.open(f"/{is_watched}")
            await peer.receive_close()
    assert transports == [StreamTransport, ObservedTransport]


async def test_two_observed_connections_are_told_apart(autojump_clock):
    app, taps = App(), {}

    @app.websocket("/{name}")
    async def handler(ws, name):
        taps[name] = Tap()
        taps[name].watch(ws)
        await ws.send(f"to {name}")
        await ws.receive()

    async with in_memory(app) as ann, in_memory(app) as ben:
        await ann.open("/ann")
        await ben.open("/ben")
        await ann.send(frame(BINARY, b"from ann"))
        await ben.send(frame(BINARY, b"from ben"))
        await ann.receive_text()
        await ben.receive_text()
        await ann.receive_close()
        await ben.receive_close()
    for name, tap in taps.items():
        assert tap.received == frame(BINARY, b"from " + name.encode())
        assert tap.sent.startswith(frame(TEXT, b"to " + name.encode(), mask=None))
