"""A message in several frames that is never completed: nothing but a close frame may follow it (RFC 6455 §5.4)."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from support.serving import in_memory, running
from support.strict_reader import StrictReader
from support.waiting import settled

import trioweb
from trioweb import App, Config, Limits, LocalProtocolError, Overflow, Timeouts
from trioweb.testing import CLOSE, TEXT, Frame, RawPeer, close_frame

PIECE = b"a piece"


def application(serve, **limits):
    app = App(Config(limits=Limits(**limits), timeouts=Timeouts(close_seconds=1, handler_grace_seconds=1)))
    failures = []

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        await settled()  # so that nothing leaves together with the response to the handshake
        try:
            await serve(ws)
        except AssertionError as error:
            failures.append(error)

    return app, failures


async def what_a_peer_reads(serve):
    """Return the frames of the server up to its close frame, which a strict reader finds legal."""
    app, failures = application(serve)
    reader, frames = StrictReader(), []
    async with in_memory(app) as peer:
        await peer.open()
        while not frames or frames[-1].opcode != CLOSE:
            frames.append(await peer.receive_frame())
        reader.feed(b"".join(raw(frame) for frame in frames))
        assert await peer.stream.receive_some() == b""
    assert not failures
    return frames


def raw(frame):
    return (
        bytes([frame.is_final << 7 | frame.reserved << 4 | frame.opcode, len(frame.payload)]) + frame.payload
    )


def broken_off(code, reason=""):
    return [Frame(2, PIECE, is_final=False), Frame(CLOSE, code.to_bytes(2, "big") + reason.encode())]


async def test_messages_sent_meanwhile_are_lost_when_the_block_raises(autojump_clock):
    async def handler(ws):
        with pytest.raises(LookupError):
            async with ws.send_stream() as stream:
                await stream.send(PIECE)
                ws.send_nowait("behind it")
                await ws.send("and this")
                raise LookupError

    assert await what_a_peer_reads(handler) == broken_off(1011, "a message was broken off")


async def test_messages_sent_meanwhile_are_lost_when_the_block_is_cancelled(autojump_clock):
    async def handler(ws):
        with trio.move_on_after(1):
            async with ws.send_stream() as stream:
                await stream.send(PIECE)
                ws.send_nowait("behind it")
                await trio.sleep_forever()

    assert await what_a_peer_reads(handler) == broken_off(1011, "a message was broken off")


async def test_messages_sent_meanwhile_are_lost_when_the_block_closes_the_connection(
    autojump_clock,
):
    async def handler(ws):
        with pytest.raises(trioweb.AlreadyClosed):
            async with ws.send_stream() as stream:
                await stream.send(PIECE)
                ws.send_nowait("behind it")
                with trio.move_on_after(0.1):
                    await ws.aclose(4001, "enough")

    assert await what_a_peer_reads(handler) == broken_off(4001, "enough")


async def test_messages_published_meanwhile_are_lost_when_the_block_raises(autojump_clock):
    app = App()

    async def handler(ws):
        async with app.room("news").join(ws), ws.send_stream() as stream:
            await stream.send(PIECE)
            await app.room("news").publish("behind it")
            raise trioweb.CloseWebSocket(4002)

    assert await what_a_peer_reads(handler) == broken_off(1011, "a message was broken off")


async def test_a_room_that_closes_a_slow_member_does_so_within_its_message(autojump_clock):
    room = App().room("news", overflow=Overflow.CLOSE)
    reader = StrictReader()

    async def handler(ws):
        with pytest.raises(trioweb.ConnectionClosed):
            async with room.join(ws), ws.send_stream() as stream:
                await stream.send(PIECE)
                while not ws.closed:
                    await room.publish("x" * 400)
                await stream.send(PIECE)

    app, failures = application(handler, outbox_bytes=1000)
    async with in_memory(app, pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.open()
        reader.feed(peer.buffer)
        while data := await peer.stream.receive_some():
            reader.feed(data)
    assert not failures
    assert reader.close == (1013, "too slow for the room")
    assert reader.is_within_message
    assert reader.messages == []


async def test_a_shutdown_closes_within_the_message(autojump_clock):
    reader = StrictReader()

    async def handler(ws):
        with pytest.raises(trioweb.ConnectionClosedOK):
            async with ws.send_stream() as stream:
                await stream.send(PIECE)
                ws.send_nowait("behind it")
                await ws.wait_closed()

    app, failures = application(handler)
    async with running(app) as server, await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        peer = RawPeer(stream)
        await peer.open()
        assert (await peer.receive_frame()).payload == PIECE
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.aclose)
            reader.feed(raw(Frame(2, PIECE, is_final=False)) + peer.buffer)
            while reader.close is None:
                reader.feed(await stream.receive_some())
            await peer.send(close_frame(1001))
    assert not failures
    assert reader.close == (1001, "")
    assert reader.messages == []


async def test_a_flush_learns_that_messages_after_the_broken_one_are_lost(autojump_clock):
    heard = []

    async def flush(ws):
        with pytest.raises(trioweb.ConnectionClosedError, match="1011"):
            await ws.flush()
        heard.append("lost")

    async def handler(ws):
        with trio.move_on_after(1):
            async with ws.send_stream() as stream:
                ws.send_nowait("behind it")
                ws.nursery.start_soon(flush, ws)
                await stream.send(PIECE)
                await trio.sleep_forever()
        await ws.wait_closed()

    await what_a_peer_reads(handler)
    assert heard == ["lost"]


async def test_a_flush_waits_for_messages_after_an_open_one_until_it_is_whole(autojump_clock):
    times = []

    async def flush(ws):
        await ws.flush()
        times.append(trio.current_time())

    async def handler(ws):
        started = trio.current_time()
        async with ws.send_stream() as stream:
            ws.send_nowait("behind it")
            ws.nursery.start_soon(flush, ws)
            for _ in range(5):
                await trio.sleep(1)
                await stream.send(PIECE)
        await trio.sleep(1)
        assert times == [started + 5]

    await what_a_peer_reads(handler)


async def test_messages_waiting_for_a_block_that_sends_nothing_leave_when_it_fails(autojump_clock):
    async def handler(ws):
        with pytest.raises(LookupError):
            async with ws.send_stream():
                ws.send_nowait("behind it")
                raise LookupError
        await trio.sleep(60)

    app, failures = application(handler)
    async with in_memory(app) as peer:
        await peer.open()
        started = trio.current_time()
        assert await peer.receive_frame() == Frame(TEXT, b"behind it")
        assert trio.current_time() == started
    assert not failures


async def test_pieces_of_many_tasks_are_one_message(autojump_clock):
    """While all of them wait for room, each piece might be taken for the first."""
    reader = StrictReader()

    async def handler(ws):
        async with ws.send_stream() as stream, trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(stream.send, bytes([number]) * 800)

    app, _ = application(handler, outbox_bytes=1000)
    async with in_memory(app, pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.open()
        await settled()
        reader.feed(peer.buffer)
        while data := await peer.stream.receive_some(300):
            reader.feed(data)
    assert sorted(reader.messages[0]) == sorted(bytes(range(5)) * 800)
    assert reader.close == (1000, "")


async def test_a_piece_after_the_block_is_refused(autojump_clock):
    async def handler(ws):
        async with ws.send_stream() as stream:
            await stream.send(PIECE)
        with pytest.raises(LocalProtocolError, match="the message is whole"):
            await stream.send(PIECE)

    frames = await what_a_peer_reads(handler)
    assert [frame.payload for frame in frames[:2]] == [PIECE, b""]


async def test_a_piece_that_still_waits_when_its_block_ends_is_refused(autojump_clock):
    reader, heard, may_read = StrictReader(), [], trio.Event()

    async def too_late(stream):
        with pytest.raises(LocalProtocolError, match="the message is whole"):
            await stream.send(PIECE)
        heard.append("refused")

    async def handler(ws):
        async with ws.send_stream() as stream:
            await stream.send(b"x" * 1000)
            ws.nursery.start_soon(too_late, stream)
            await settled()
        may_read.set()
        await ws.send("after it")
        await ws.flush()

    app, failures = application(handler, outbox_bytes=1000)
    async with in_memory(app, pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.open()
        reader.feed(peer.buffer)
        await may_read.wait()
        while data := await peer.stream.receive_some():
            reader.feed(data)
    assert not failures
    assert reader.messages == [b"x" * 1000, "after it"]
    assert heard == ["refused"]
