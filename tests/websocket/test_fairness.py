"""No peer can occupy the scheduler, or memory, by sending input that is cheap to send."""

from __future__ import annotations

import zlib

import pytest
import trio
import trio.testing
from support.serving import connected, in_memory, running
from support.waiting import until

import trioweb
from trioweb import App, Config, Deflate, Limits, Overflow, Text, Timeouts
from trioweb.testing import BINARY, PING, TEXT, RawPeer, frame, handshake


async def longest_turn(seconds):
    """Measure the longest time for which the scheduler was blocked."""
    longest = 0.0
    end = trio.current_time() + seconds
    while (started := trio.current_time()) < end:
        await trio.lowlevel.checkpoint()
        longest = max(longest, trio.current_time() - started)
    return longest


@pytest.mark.slow
async def test_requests_that_follow_without_a_pause_let_others_run():
    app = App()

    @app.get("/")
    async def index(request):
        return Text("x")

    async with running(app) as server, connected(server) as peer, trio.open_nursery() as nursery:

        async def write():
            while True:
                await peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 100)

        async def read():
            while await peer.stream.receive_some(65_536):
                pass

        nursery.start_soon(write)
        nursery.start_soon(read)
        assert await longest_turn(1) < 0.5
        nursery.cancel_scope.cancel()


@pytest.mark.slow
@pytest.mark.parametrize(
    "data", [frame(PING), frame(TEXT), frame(0, b"x", is_final=False)], ids=["pings", "messages", "fragments"]
)
async def test_tiny_frames_let_others_run(data):
    app = App(Config(limits=Limits(message_fragments=10**6)))

    @app.websocket("/")
    async def handler(ws):
        async for _ in ws:
            pass

    async with running(app) as server, trio.open_nursery() as nursery:
        peers = [RawPeer(await trio.open_tcp_stream("127.0.0.1", server.port)) for _ in range(20)]
        for peer in peers:
            await peer.open()
            await peer.send(frame(TEXT, is_final=False) if data[0] == 0 else b"")

        async def flood(peer):
            while True:
                await peer.send(data * 5000)

        async def drain(peer):
            while await peer.stream.receive_some(65_536):
                pass

        for peer in peers:
            nursery.start_soon(flood, peer)
            nursery.start_soon(drain, peer)
        assert await longest_turn(2) < 1
        nursery.cancel_scope.cancel()
    for peer in peers:
        await peer.stream.aclose()


@pytest.mark.parametrize("reads", ["handler", "nobody"])
async def test_a_body_in_chunks_of_one_byte_lets_others_run(autojump_clock, reads):
    app, turns = App(), []

    @app.post("/", limits=Limits(body_bytes=10**6))
    async def upload(request):
        return Text(str(len(await request.body())) if reads == "handler" else "unread")

    async def count_turns():
        while True:
            turns.append(None)
            await trio.lowlevel.checkpoint()

    async with in_memory(app) as peer, trio.open_nursery() as nursery:
        nursery.start_soon(count_turns)
        head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        await peer.send(head + b"1\r\nx\r\n" * 15_000 + b"0\r\n\r\n" + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        _, body = await peer.receive_response()
        assert body == (b"15000" if reads == "handler" else b"unread")
        await peer.receive_response()  # so the body was read to its end
        nursery.cancel_scope.cancel()
    assert len(turns) > 15_000 / 100


async def test_publishing_to_a_room_that_nobody_holds_lets_others_run():
    app = App()
    with trio.move_on_after(0.1) as scope:
        while True:
            await app.room("nobody").publish("x")
    assert scope.cancelled_caught


async def test_compressed_messages_do_not_exceed_the_inbox(autojump_clock):
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    inflated = compressor.compress(b"\0" * 1_000_000) + compressor.flush(zlib.Z_SYNC_FLUSH)
    compressed = frame(BINARY, inflated[:-4], reserved=4)
    app, held = App(Config(compression=Deflate(context_takeover=False))), []

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        await trio.sleep(1)
        held.append(ws._inbox.held_bytes)

    async with in_memory(app) as peer:
        await peer.open("/", ("Sec-WebSocket-Extensions", "permessage-deflate"))
        await peer.send(compressed * 60)
        await peer.receive_close()
    assert held[0] < 2_200_000


@pytest.mark.slow
@pytest.mark.parametrize("way", ["room", "aclose", "stop"])
async def test_an_endless_message_is_bounded_after_a_close_has_begun(way):
    app = App(Config(timeouts=Timeouts(close_seconds=0.5, handler_grace_seconds=0.5, drain_seconds=2)))
    held = []
    begun = trio.Event()

    @app.websocket("/")
    async def handler(ws):
        async with ws.receive_stream() as chunks:
            await anext(chunks)
            if way == "room":
                ws._closing.begin(trioweb.Close(1013))
            elif way == "aclose":
                ws.nursery.start_soon(ws.aclose)
            begun.set()
            try:
                await ws.wait_closed()
            finally:
                held.append(ws._inbox.held_bytes)

    async with running(app) as server, connected(server) as peer:
        await peer.open()
        await peer.send(b"\x82\xff" + (2**60).to_bytes(8, "big") + b"abcd" + b"x" * 1000)
        await begun.wait()
        if way == "stop":
            server.stop()
        with trio.move_on_after(3):
            try:
                while True:
                    await peer.send(b"x" * 65_536)
            except trio.BrokenResourceError:
                pass
        await until(lambda: held)
    assert held[0] < 3 * 1024 * 1024


async def test_a_shutdown_leaves_no_gap_in_what_is_received(autojump_clock):
    app = App(Config(limits=Limits(inbox_messages=4), timeouts=Timeouts(close_seconds=50)))
    seen = []

    @app.websocket("/")
    async def handler(ws):
        async for message in ws:
            seen.append(int(message))
            await trio.sleep(0.1)

    ours, theirs = trio.testing.memory_stream_pair()
    peer = RawPeer(ours)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trioweb.serve_stream, app, theirs)
        await peer.open()
        await peer.send(b"".join(frame(TEXT, b"%d" % number) for number in range(40)))
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await peer.send(frame(TEXT, b"40") + frame(TEXT, b"41"))
            await peer.receive_close()
            await peer.send(frame(0x8))
            await trio.sleep(5)
    assert seen == list(range(len(seen)))
    assert len(seen) >= 10


async def test_a_peer_that_is_gone_is_noticed_even_if_nobody_reads():
    app = App(Config(timeouts=Timeouts(ping_interval_seconds=0.1, ping_timeout_seconds=0.1)))

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        await ws.wait_closed()

    async with running(app) as server:
        for _ in range(10):
            async with connected(server) as peer:
                await peer.open()
                await peer.send(frame(TEXT) * 64)
        await until(lambda: server.connections == 0)


async def test_a_connection_lost_while_writing_is_noticed_at_once():
    app, seen = App(), []

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        await trio.sleep(0.1)
        try:
            async for _ in ws:
                pass
        except trioweb.ConnectionClosedError as error:
            seen.append(error.code)

    async with running(app) as server:
        async with connected(server) as peer:
            await peer.open()
            await peer.send(frame(PING) * 2)
        await until(lambda: seen, seconds=3)
    assert seen == [1006]


@pytest.mark.slow
async def test_a_pause_within_a_streamed_message_does_not_mean_a_stalled_peer():
    app = App(Config(timeouts=Timeouts(send_seconds=1)))

    @app.websocket("/")
    async def handler(ws):
        async with ws.send_stream() as stream:
            await stream.send(b"x" * 8_000_000)
            await ws.send("behind")
            await trio.sleep(2.5)
            await stream.send(b"end")

    async with running(app) as server, connected(server) as peer:
        await peer.open()
        while (await peer.receive_frame()).opcode != TEXT:
            pass
        assert await peer.receive_close() == (1000, "")


async def test_dropping_spares_messages_that_fit_while_a_handler_waits_to_send():
    app = App(Config(limits=Limits(outbox_bytes=500_000)))
    missed = []

    @app.websocket("/")
    async def handler(ws):
        async with app.room("lobby").join(ws, overflow=Overflow.DROP_OLDEST) as member:
            while not ws.outbox.statistics().bytes > 100_000:
                await ws.send(b"x" * 100_000)
            for number in range(50):
                await app.room("lobby").publish(str(number))
            ws.nursery.start_soon(ws.send, b"y" * 450_000)
            await trio.testing.wait_all_tasks_blocked()
            await app.room("lobby").publish("one more")
            await app.room("lobby").publish(b"z" * 600_000)
            missed.append(member.missed)

    async with running(app) as server, connected(server) as peer:
        await peer.open()
        await until(lambda: missed)
    assert missed == [1], "only the one that can never fit"


async def test_a_websocket_whose_handshake_was_refused_cannot_be_used(autojump_clock):
    app, kept = App(), []

    @app.websocket("/ws")
    async def handler(ws):
        kept.append(ws)
        raise trioweb.HTTPError(401)

    @app.get("/slow")
    async def slow(request):
        with pytest.raises(trioweb.HandshakeRejected):
            await kept[0].send("stale")
        await kept[0].wait_closed()
        return Text("fine")

    async with in_memory(app) as peer:
        await peer.send(handshake("/ws"))
        await peer.receive_response()
        await peer.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await peer.receive_response())[1] == b"fine"


async def test_dropping_a_subscription_releases_the_publisher_that_waits():
    room = App().room("lobby")
    held = [room.subscribe(overflow=Overflow.WAIT, most_messages=1)]
    await room.publish("one")
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(room.publish, "two")
            await trio.testing.wait_all_tasks_blocked()
            held.clear()
