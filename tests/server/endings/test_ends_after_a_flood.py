"""The closing handshake with a peer that answers after a flood of messages that nobody read."""

from __future__ import annotations

import itertools
import time
import zlib

import pytest
import trio
import trio.testing
from support.links.carriers import CARRIERS, carried

import trioweb
from trioweb import App, CloseWebSocket, Config, Deflate, Limits, Timeouts
from trioweb.testing import BINARY, CLOSE, CONTINUATION, PING, TEXT, RawPeer, close_frame, frame

PATIENT = Timeouts(close_seconds=60, handler_grace_seconds=60, ping_interval_seconds=None)
"""Settings with which the test ends before any deadline."""

SMALL = Limits(inbox_messages=16, message_bytes=100_000)


def deflated(data):
    compressor = zlib.compressobj(wbits=-15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def fragments(opcode, payload):
    """A message that has begun, and is never finished."""
    return frame(opcode, payload, is_final=False) + frame(CONTINUATION, payload, is_final=False) * 1500


FLOODS = {
    "messages": frame(TEXT, b"x" * 32) * 3000,
    "long messages": frame(BINARY, b"x" * 60_000) * 8,
    "a message over the limit": frame(BINARY, b"x" * 400_000),
    "messages and one over the limit": frame(TEXT, b"x") * 50 + frame(BINARY, b"x" * 400_000),
    "fragments": fragments(TEXT, b"x" * 32),
    "pings": frame(PING, b"x") * 1500,
    "messages and pings": (frame(TEXT, b"x") + frame(PING, b"x")) * 1500,
    "messages and fragments": frame(TEXT, b"x") * 50 + fragments(BINARY, b"x" * 32),
    "compressed": frame(TEXT, deflated(b"x" * 2000), reserved=4) * 500,
    "compressed fragments": frame(TEXT, deflated(b"x" * 2000), reserved=4) * 50
    + frame(TEXT, deflated(b"x" * 50), is_final=False, reserved=4),
}


async def returns(ws):
    pass


async def raises(ws):
    raise CloseWebSocket(4001, "bye")


async def fails(ws):
    raise KeyError("a bug")


async def closes(ws):
    await ws.aclose(4002)


async def goes_down(ws):
    await ws.wait_closed()


ENDS = {returns: 1000, raises: 4001, fails: 1011, closes: 4002, goes_down: 1001}
BOMBS = 2500
"""Of 900 bytes each. Inflating them all takes some seconds, walking over them hardly any time."""

COMPUTING_SECONDS = 1.0

WAYS = [*CARRIERS, "plain, without the fast lane"]


async def end_of(peer, is_told):
    """Read up to the close frame, set the event, and read to the end; return the code. A reset raises."""
    while (got := await peer.receive_frame()).opcode != CLOSE:
        pass
    is_told.set()
    assert not peer.buffer
    while data := await peer.stream.receive_some():
        assert not data, "something came behind the close frame"
    return int.from_bytes(got.payload[:2], "big")


@pytest.mark.parametrize(
    ("flood", "end", "carrier"),
    [
        *itertools.product(FLOODS, [raises, goes_down], WAYS),
        *itertools.product(["messages"], [returns, fails, closes], WAYS),
    ],
)
async def test_a_peer_that_answers_after_its_flood_sees_a_clean_end(flood, end, carrier):
    config = Config(
        limits=SMALL,
        timeouts=PATIENT,
        compression=Deflate() if flood.startswith("compressed") else None,
        fast_lane="without" not in carrier,
    )
    app, may_end, codes = App(config), trio.Event(), []

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        await may_end.wait()
        await end(ws)

    async with carried(app, carrier) as (server, stream):
        with trio.fail_after(10):
            peer, is_told = RawPeer(stream), trio.Event()
            await peer.open("/", ("Sec-WebSocket-Extensions", "permessage-deflate"))

            async def talk():
                await peer.send(FLOODS[flood])
                await is_told.wait()
                await peer.send(close_frame(1000))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(talk)
                await trio.testing.wait_all_tasks_blocked(0.01)  # until the server reads no more
                may_end.set()
                if end is goes_down:
                    nursery.start_soon(server.aclose)
                codes.append(await end_of(peer, is_told))
    assert codes == [ENDS[end]]


@pytest.mark.parametrize("end", ENDS)
async def test_a_peer_that_answers_amid_a_streamed_message_sees_a_clean_end(end):
    app, codes, got = App(Config(limits=SMALL, timeouts=PATIENT)), [], []
    is_streaming = trio.Event()

    @app.websocket("/")
    async def handler(ws):
        async with ws.receive_stream() as chunks:
            got.append(await anext(chunks))
            await trio.testing.wait_all_tasks_blocked(0.01)  # until the inbox is full
            is_streaming.set()
            await end(ws)

    async with carried(app, "plain") as (server, stream):
        with trio.fail_after(10):
            peer, is_told = RawPeer(stream), trio.Event()
            await peer.open()
            await peer.send(fragments(BINARY, b"x" * 32))
            async with trio.open_nursery() as nursery:
                await is_streaming.wait()
                if end is goes_down:
                    nursery.start_soon(server.aclose)

                async def answer():
                    await is_told.wait()
                    await peer.send(close_frame(1000))

                nursery.start_soon(answer)
                codes.append(await end_of(peer, is_told))
    assert codes == [ENDS[end]]
    assert got == [b"x" * 32]


def bombs(*, keeps_context):
    """Deflated zeros, each message with the context of the one before it, or without."""
    compressor = zlib.compressobj(9, wbits=-15)
    first, later = (
        (compressor.compress(bytes(900_000)) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4] for _ in range(2)
    )
    return b"".join(
        frame(BINARY, payload, reserved=4) * count
        for payload, count in ((first, 1), (later if keeps_context else first, BOMBS))
    )


@pytest.mark.parametrize(
    ("end", "keeps_context", "carrier"),
    [
        *itertools.product([returns, goes_down], [True, False], ["plain", "plain, without the fast lane"]),
        *itertools.product([raises, fails, closes], [True], ["plain"]),
        (returns, True, "TLS"),
    ],
)
async def test_messages_that_nobody_gets_are_not_inflated_on_the_way_to_the_answer(
    end, keeps_context, carrier
):
    config = Config(
        timeouts=PATIENT,
        compression=Deflate(context_takeover=keeps_context),
        fast_lane="without" not in carrier,
    )
    app, may_end, codes = App(config), trio.Event(), []

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        await may_end.wait()
        await end(ws)

    async with carried(app, carrier) as (server, stream):
        with trio.fail_after(30):
            peer, flood, is_told = RawPeer(stream), bombs(keeps_context=keeps_context), trio.Event()
            await peer.open("/", ("Sec-WebSocket-Extensions", "permessage-deflate"))

            async def talk():
                await peer.send(flood)
                await is_told.wait()
                await peer.send(close_frame(1000))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(talk)
                await trio.testing.wait_all_tasks_blocked(0.01)  # until the server reads no more
                started = time.thread_time()
                may_end.set()
                if end is goes_down:
                    nursery.start_soon(server.aclose)
                codes.append(await end_of(peer, is_told))
                computing_seconds = time.thread_time() - started
    assert codes == [ENDS[end]]
    assert computing_seconds < COMPUTING_SECONDS


async def test_messages_received_before_a_shutdown_reach_the_handler_without_a_gap(autojump_clock):
    config = Config(limits=Limits(inbox_messages=4), timeouts=PATIENT)
    app, seen, may_read = App(config), [], trio.Event()

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        await may_read.wait()
        with pytest.raises(trioweb.ConnectionClosedOK):
            while True:
                seen.append(await ws.receive())

    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        scope = trio.CancelScope()

        async def serve():
            with scope:
                await trioweb.serve_stream(app, theirs)

        nursery.start_soon(serve)
        peer = RawPeer(ours)
        await peer.open()
        await peer.send(b"".join(frame(TEXT, b"%d" % number) for number in range(100)))
        await trio.testing.wait_all_tasks_blocked()
        scope.cancel()
        assert await peer.receive_close() == (1001, "")
        await peer.send(frame(TEXT, b"late") + close_frame(1001))
        await trio.testing.wait_all_tasks_blocked()
        may_read.set()
        assert await peer.receive_end() == b""
    assert seen == ["0", "1", "2", "3"]


async def test_a_peer_that_keeps_sending_after_its_time_is_up_fills_only_the_inbox(autojump_clock):
    timeouts = Timeouts(close_seconds=5, handler_grace_seconds=60)
    app, seen = App(Config(limits=Limits(inbox_messages=4), timeouts=timeouts)), []

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        ws._closing.begin(trioweb.Close(1001))
        await trio.sleep(timeouts.close_seconds + 0.5)
        with pytest.raises(trioweb.ConnectionClosedOK):
            while True:
                seen.append(await ws.receive())

    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trioweb.serve_stream, app, theirs)
        peer = RawPeer(ours)
        await peer.open()
        assert await peer.receive_close() == (1001, "")
        await peer.send(frame(TEXT, b"0"))
        await trio.sleep(timeouts.close_seconds + 0.1)
        await peer.send(b"".join(frame(TEXT, b"%d" % number) for number in range(1, 100)))
        await trio.sleep(0.5)
        await ours.send_eof()
        assert await peer.receive_end() == b""
    assert seen == ["0", "1", "2", "3"]


async def test_nothing_is_received_after_the_gap_that_a_refused_message_leaves(autojump_clock):
    app, seen, is_refused = App(Config(timeouts=PATIENT)), [], trio.Event()

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        with pytest.raises(trioweb.ConnectionClosed):
            await ws.receive_text()
        is_refused.set()
        with pytest.raises(trioweb.ConnectionClosed):
            while True:
                await trio.sleep(1)
                seen.append(await ws.receive())

    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trioweb.serve_stream, app, theirs)
        peer = RawPeer(ours)
        await peer.open()
        await peer.send(frame(BINARY, b"no text") + frame(TEXT, b"lost"))
        await is_refused.wait()
        await peer.send(frame(TEXT, b"behind the gap") + close_frame(1003))
        assert (await peer.receive_close())[0] == 1003
        assert await peer.receive_end() == b""
    assert seen == []


async def test_a_waiting_violation_does_not_outlast_the_handlers_own_close(autojump_clock):
    """The violation comes after a message that nobody reads; then the handler returns."""
    app, may_end = App(Config(timeouts=PATIENT)), trio.Event()

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        await may_end.wait()

    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trioweb.serve_stream, app, theirs)
        peer = RawPeer(ours)
        await peer.open()
        await peer.send(frame(TEXT, b"unread") + frame(0x3, b""))
        await trio.testing.wait_all_tasks_blocked()
        started = trio.current_time()
        may_end.set()
        assert await peer.receive_close() == (1000, "")
        assert await peer.receive_end() == b""
        assert trio.current_time() - started < 5
