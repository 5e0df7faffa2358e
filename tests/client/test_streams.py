"""Streams of the program's own, which may fail in ways that trioweb has never heard of."""

from __future__ import annotations

import pytest
import trio
import trio.testing

import trioweb
from trioweb import App, BadHandshake, ConnectFailed, ConnectionClosedError, Deflate
from trioweb.testing import FaultyStream, RawPeer


class OddError(Exception):
    pass


class OddStream(trio.abc.Stream):
    """A stream over another one, of which single methods fail."""

    def __init__(self, stream, *, failing=()):
        self.stream = stream
        self.failing = set(failing)
        self.closes = 0

    def _check(self, name):
        if name in self.failing:
            raise OddError(f"{name} does not feel like it")

    async def send_all(self, data):
        self._check("send_all")
        await self.stream.send_all(data)

    async def wait_send_all_might_not_block(self):
        await self.stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes=None):
        self._check("receive_some")
        data = await self.stream.receive_some(max_bytes)
        self._check("receive_some")
        return bytearray(data)

    async def aclose(self):
        self.closes += 1
        await self.stream.aclose()
        self._check("aclose")


def odd_pair(*failing):
    ours, theirs = trio.testing.memory_stream_pair()
    return OddStream(ours, failing=failing), RawPeer(theirs, is_server=True)


@pytest.mark.parametrize("failing", ["send_all", "receive_some"])
async def test_an_exception_of_a_stream_while_connecting_is_the_cause_of_ours(failing):
    stream, _ = odd_pair(failing, "aclose")
    with pytest.raises(ConnectFailed, match=rf"\(handshake\).*{failing} does not feel like it") as caught:
        async with trioweb.connect_stream(stream, "ws://server/"):
            pass

    assert isinstance(caught.value.__cause__, OddError)
    assert stream.closes == 1


@pytest.mark.parametrize("failing", ["send_all", "receive_some"])
async def test_an_exception_of_a_stream_ends_the_connection_and_not_the_program(nursery, failing):
    stream, peer = odd_pair()
    nursery.start_soon(peer.accept)
    async with trioweb.connect_stream(stream, "ws://server/") as ws:
        stream.failing.add(failing)
        await ws.send("hello")
        if failing == "receive_some":
            await peer.send_text("hello")
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.receive()

    assert caught.value.code == 1006
    assert stream.closes == 1


async def test_a_stream_that_fails_at_its_close_is_closed_all_the_same(nursery):
    stream, peer = odd_pair()
    nursery.start_soon(peer.accept)
    async with trioweb.connect_stream(stream, "ws://server/") as ws:
        stream.failing.add("aclose")
        await peer.send_close(1000)
        await peer.receive_close()
        await peer.stream.aclose()

    assert ws.closed.code == 1000
    await trio.testing.wait_all_tasks_blocked()
    assert stream.closes == 1


async def test_a_stream_that_has_ended_before_the_handshake_is_a_bad_handshake():
    stream, peer = odd_pair()
    await peer.stream.aclose()
    with pytest.raises(BadHandshake):
        async with trioweb.connect_stream(stream, "ws://server/"):
            pass


def echo_app():
    app = App(trioweb.Config(compression=Deflate()))

    @app.websocket("/")
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    return app


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("compression", [None, Deflate()], ids=["plain", "compressed"])
async def test_bytes_may_arrive_in_any_pieces(nursery, autojump_clock, seed, compression):
    ours, theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(trioweb.serve_stream, echo_app(), theirs)
    stream = FaultyStream(ours, seed=seed, faults={"split", "delay"})
    async with trioweb.connect_stream(stream, "ws://server/", compression=compression) as ws:
        assert ("permessage-deflate" in ws.response.headers.get("Sec-WebSocket-Extensions", "")) == bool(
            compression
        )
        for message in ("hello " * 50, b"\x00" * 1000, "", "Grüße " * 1000):
            await ws.send(message)
            assert await ws.receive() == message


async def test_a_client_takes_a_long_message_in_pieces_and_sends_one(nursery):
    ours, theirs = trio.testing.memory_stream_pair()
    app = trioweb.App()

    @app.websocket("/")
    async def pass_on(ws):
        async with ws.receive_stream() as chunks, ws.send_stream() as writer:
            async for chunk in chunks:
                await writer.send(chunk)

    nursery.start_soon(trioweb.serve_stream, app, theirs)
    async with trioweb.connect_stream(ours, "ws://server/") as ws, trio.open_nursery() as inner:

        async def send():
            async with ws.send_stream() as writer:
                for _ in range(50):
                    await writer.send(b"x" * 50_000)

        inner.start_soon(send)
        received_bytes = 0
        async with ws.receive_stream() as chunks:
            async for chunk in chunks:
                received_bytes += len(chunk)

    assert received_bytes == 50 * 50_000


class SlowToClose(OddStream):
    """A stream that says goodbye, which takes a moment."""

    has_said_goodbye = False

    async def aclose(self):
        await trio.sleep(0.5)
        self.has_said_goodbye = True
        await super().aclose()


@pytest.mark.parametrize("begins", ["client", "server"])
async def test_the_block_lasts_until_its_stream_has_closed_in_its_own_way(nursery, autojump_clock, begins):
    ours, theirs = trio.testing.memory_stream_pair()
    stream, peer = SlowToClose(ours), RawPeer(theirs, is_server=True)

    async def serve():
        await peer.accept()
        if begins == "server":
            await peer.send_close(1000)
        assert await peer.receive_close() == (1000, "")
        if begins == "client":
            await peer.send_close(1000)
        await peer.stream.aclose()

    nursery.start_soon(serve)
    async with trioweb.connect_stream(stream, "ws://server/") as ws:
        if begins == "server":
            assert [message async for message in ws] == []

    assert stream.has_said_goodbye
    assert stream.closes == 1


async def test_a_stream_that_never_closes_is_left_after_a_second(nursery, autojump_clock):
    stream, peer = odd_pair()
    nursery.start_soon(peer.accept)
    started = trio.current_time()
    async with trioweb.connect_stream(stream, "ws://server/"):
        stream.aclose = trio.sleep_forever
        await peer.send_close(1000)
        await peer.receive_close()
        await peer.stream.aclose()

    assert trio.current_time() - started == pytest.approx(1, abs=0.1)
