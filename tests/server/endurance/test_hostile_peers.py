"""Hostile peers: afterwards the server answers as before, and holds nothing."""

from __future__ import annotations

import gc
import random
import socket
import struct
import tracemalloc
import zlib

import pytest
import trio
import trio.testing
from support.serving import connected, running
from support.waiting import until

from trioweb import App, Config, Deflate, Limits, Text, Timeouts
from trioweb.testing import BINARY, PING, TEXT, RawPeer, close_frame, frame, handshake


@pytest.fixture
async def server(caplog):
    app = App(
        Config(
            compression=Deflate(),
            timeouts=Timeouts(
                head_seconds=0.5, idle_seconds=0.5, close_seconds=0.3, send_seconds=0.5, body_seconds=0.5
            ),
        )
    )

    @app.websocket("/")
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    @app.post("/")
    async def post(request):
        return Text(str(len(await request.body())))

    async with running(app) as server:
        await trio.testing.wait_all_tasks_blocked()
        tasks = trio.lowlevel.current_statistics().tasks_living
        yield server
        await until(lambda: server.connections == 0)
        await trio.testing.wait_all_tasks_blocked()
        assert trio.lowlevel.current_statistics().tasks_living <= tasks
        async with connected(server) as peer:
            await peer.open()
            await peer.send_text("as at first")
            assert await peer.receive_text() == "as at first"
            await peer.close()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


CONVERSATION = (
    handshake() + frame(TEXT, b"hello") + frame(PING, b"x") + frame(BINARY, b"y" * 300) + close_frame(1000)
)


async def test_the_server_survives_resets_at_every_byte(server):
    for length in range(0, len(CONVERSATION), 3):
        sock = socket.create_connection(("127.0.0.1", server.port))
        sock.sendall(CONVERSATION[:length])
        await trio.lowlevel.checkpoint()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()


async def test_the_server_survives_half_closes_at_every_byte(server):
    async with trio.open_nursery() as nursery:

        async def one(length):
            async with connected(server) as peer:
                await peer.send(CONVERSATION[:length])
                await peer.stream.send_eof()
                with trio.fail_after(5):
                    await peer.receive_end()

        for length in range(0, len(CONVERSATION), 7):
            nursery.start_soon(one, length)


async def test_the_server_survives_random_damage(server):
    rng = random.Random(7)
    for _ in range(150):
        data = bytearray(CONVERSATION)
        for _ in range(rng.randint(1, 5)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        async with connected(server) as peer:
            await peer.send(bytes(data))
            await peer.stream.send_eof()
            with trio.fail_after(5):
                await peer.receive_end()


async def test_the_server_survives_a_flood_of_tiny_fragments(server):
    async with connected(server) as peer:
        await peer.open()
        await peer.send(frame(TEXT, b"", is_final=False) + frame(0, b"", is_final=False) * 20_000)
        assert (await peer.receive_close())[0] == 1008


async def test_the_server_survives_deflate_bombs(server):
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = compressor.compress(b"\0" * 64 * 1024 * 1024) + compressor.flush(zlib.Z_SYNC_FLUSH)
    tracemalloc.start()
    try:
        async with connected(server) as peer:
            await peer.open("/", ("Sec-WebSocket-Extensions", "permessage-deflate"))
            await peer.send(frame(BINARY, bomb[:-4], reserved=4))
            code, reason = await peer.receive_close()
            assert (code, "Limits.message_bytes" in reason) == (1009, True)
            await peer.receive_end()
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.slow
async def test_the_server_survives_heads_that_drip(server):
    async with connected(server) as peer:
        with pytest.raises(trio.BrokenResourceError), trio.fail_after(5):
            for byte in b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 1000:
                await peer.send(bytes([byte]))
                await trio.sleep(0.02)


@pytest.mark.slow
async def test_bodies_that_drip_are_accepted_and_those_that_stop_are_not(server):
    async with connected(server) as peer:
        await peer.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
        for byte in b"hello":
            await trio.sleep(0.15)
            await peer.send(bytes([byte]))
        assert (await peer.receive_response())[1] == b"5"
        await peer.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel")
        assert (await peer.receive_head()).startswith("HTTP/1.1 408")


async def test_the_server_survives_peers_that_never_read(server):
    async with connected(server) as peer:
        await peer.open()
        with trio.move_on_after(2), pytest.raises(trio.BrokenResourceError):
            while True:
                await peer.send(frame(BINARY, b"x" * 60_000))
        await until(lambda: server.connections == 0)


@pytest.mark.slow
async def test_the_server_survives_endless_requests_from_a_peer_that_never_reads(server):
    async with connected(server) as peer:
        with trio.move_on_after(3), pytest.raises(trio.BrokenResourceError):
            while True:
                await peer.send(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        await until(lambda: server.connections == 0)


async def test_the_server_survives_frames_that_announce_the_largest_length(server):
    async with connected(server) as peer:
        await peer.open()
        await peer.send(b"\x82\xff" + (2**62).to_bytes(8, "big") + b"abcd")
        assert (await peer.receive_close())[0] == 1009


@pytest.mark.slow
async def test_ten_thousand_connects_and_drops_leave_no_memory_behind(server):
    async def drop(count):
        accepted = server.statistics().connections_accepted
        for number in range(count):
            sock = socket.create_connection(("127.0.0.1", server.port))
            if number % 2:
                sock.sendall(handshake())
            sock.close()
            if not number % 50:  # a full backlog would block this thread
                await until(lambda: server.statistics().connections_accepted >= accepted + number)  # noqa: B023
        await until(lambda: server.connections == 0)
        gc.collect()

    await drop(1000)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        await drop(2000)
        assert tracemalloc.get_traced_memory()[0] - before < 300_000
    finally:
        tracemalloc.stop()


async def test_a_flooding_peer_does_not_keep_the_others_waiting():
    app = App(Config(limits=Limits(inbox_messages=64)))

    @app.websocket("/")
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    async with running(app) as server, trio.open_nursery() as nursery:

        async def flood():
            async with connected(server) as peer:
                await peer.open()

                async def read():
                    while await peer.stream.receive_some(65_536):
                        pass

                nursery.start_soon(read)
                while True:
                    await peer.send(frame(TEXT, b"x") * 1000)

        nursery.start_soon(flood)
        peers = [RawPeer(await trio.open_tcp_stream("127.0.0.1", server.port)) for _ in range(20)]
        for peer in peers:
            await peer.open()
        with trio.fail_after(10):
            for _ in range(20):
                for peer in peers:
                    await peer.send_text("quiet")
                for peer in peers:
                    assert await peer.receive_text() == "quiet"
        for peer in peers:
            await peer.stream.aclose()
        nursery.cancel_scope.cancel()
