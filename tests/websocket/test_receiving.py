"""Receiving: messages in the inbox and outside of it, streams, and their ends."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from support.serving import converse, conversing, running

import trioweb
from trioweb import Close, Config, Limits, Timeouts
from trioweb.testing import BINARY, PING, PONG, TEXT, RawPeer, close_frame, frame


async def received_after_the_loss(ws):
    """Learn by sending that the peer is gone, then receive the remaining messages."""
    await ws.accept()
    await trio.sleep(1)
    with pytest.raises(trioweb.ConnectionClosedError):
        while True:
            await ws.send("are you there?")
    seen = []
    with pytest.raises(trioweb.ConnectionClosedError, match="1006"):
        while True:
            seen.append(await ws.receive())
    return seen


@pytest.mark.parametrize(
    "last", [b"", close_frame(1000), frame(0x3, b"")], ids=["data", "close", "violation"]
)
async def test_messages_beyond_the_inbox_survive_the_loss_of_the_connection(autojump_clock, last):
    """Reading had stopped at a full inbox; messages read before are still handed out."""
    seen = []

    async def handler(ws):
        seen.extend(await received_after_the_loss(ws))
        seen.append(ws.closed)

    async def drive(peer):
        await peer.send(b"".join(frame(TEXT, b"%d" % number) for number in range(20)) + last)
        await peer.stream.aclose()
        await trio.sleep(2)

    await converse(handler, drive, inbox_messages=2)
    assert seen == [*map(str, range(20)), Close(1006)]


async def test_a_handler_gets_nothing_more_after_its_own_close(autojump_clock):
    seen = []

    async def handler(ws):
        await ws.accept()
        await ws.aclose(4000)
        with pytest.raises(trioweb.AlreadyClosed):
            seen.append(await ws.receive())

    async def drive(peer):
        assert await peer.receive_close() == (4000, "")
        await peer.send(frame(TEXT, b"late") * 100 + close_frame(4000))
        assert await peer.receive_end() == b""

    await converse(handler, drive, inbox_messages=2)
    assert seen == []


async def test_a_receiver_that_never_has_to_wait_lets_others_run(autojump_clock):
    turns = []

    async def handler(ws):
        async def other():
            while True:
                turns.append(1)
                await trio.lowlevel.checkpoint()

        await ws.accept()
        await trio.sleep(1)
        ws.nursery.start_soon(other)
        for _ in range(640):
            await ws.receive()

    async def drive(peer):
        await peer.send(frame(TEXT, b"x") * 640)
        await peer.receive_close()

    await converse(handler, drive, inbox_messages=1000)
    assert len(turns) >= 640 // 32 - 1


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"[-Infinity]", b"[1e999]", b"-2E308"])
async def test_a_text_that_only_python_takes_for_json_is_1007(autojump_clock, constant):
    async def handler(ws):
        await ws.receive_json()

    async def drive(peer):
        await peer.send(frame(TEXT, constant))
        assert await peer.receive_close() == (1007, "expected JSON")

    await converse(handler, drive)


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
async def test_a_message_of_json_may_begin_with_a_byte_order_mark(autojump_clock, opcode):
    async def handler(ws):
        await ws.send_json(await ws.receive_json())

    async def drive(peer):
        await peer.send(frame(opcode, b"\xef\xbb\xbf[1]"))
        assert await peer.receive_text() == "[1]"

    await converse(handler, drive)


async def test_the_end_of_a_streamed_message_may_be_an_empty_frame(autojump_clock):
    seen = []

    async def handler(ws):
        for _ in range(2):
            async with ws.receive_stream() as chunks:
                seen.append([chunk async for chunk in chunks])

    async def drive(peer):
        await peer.send(frame(TEXT, b"one", is_final=False))
        await trio.sleep(1)
        await peer.send(frame(0, b""))
        await trio.sleep(1)
        await peer.send(frame(BINARY, b"two"))
        await peer.receive_close()

    await converse(handler, drive)
    assert seen == [["one"], [b"two"]]


async def test_a_slow_reader_of_a_stream_stops_the_peer_and_lets_it_continue(autojump_clock):
    seen = []

    async def handler(ws):
        async with ws.receive_stream() as chunks:
            async for chunk in chunks:
                seen.append(len(chunk))
                await trio.sleep(1)
                assert ws._inbox.held_bytes < 30_000

    async def drive(peer):
        for number in range(50):
            await peer.send(frame(0 if number else BINARY, b"x" * 5_000, is_final=number == 49))
        await peer.receive_close()

    timeouts = Timeouts(ping_interval_seconds=None)
    await converse(handler, drive, timeouts=timeouts, inbox_bytes=20_000, inbox_messages=4)
    assert sum(seen) == 250_000


async def test_a_reader_that_leaves_a_stream_leaves_its_waiting_pieces(autojump_clock):
    seen = []

    async def handler(ws):
        async with ws.receive_stream() as chunks:
            seen.append(await anext(chunks))
            await trio.sleep(5)
        async with ws.receive_stream() as chunks:
            seen.append(await anext(chunks))
            await trio.sleep(5)
        seen.append(await ws.receive())

    async def drive(peer):
        for opcode, data, is_final in [
            (TEXT, b"one", False),
            (0, b" and more", False),
            (0, b" and end", True),
            (BINARY, b"two", False),
            (0, b" and more", False),
            (0, b" and still more", False),
        ]:
            await peer.send(frame(opcode, data, is_final=is_final))
            await trio.sleep(1)
        await trio.sleep(10)
        await peer.send(frame(0, b" and end") + frame(TEXT, b"three"))
        await peer.receive_close()

    await converse(handler, drive, inbox_messages=2)
    assert seen == ["one", b"two", "three"]


async def test_a_violation_found_late_is_reported_once(autojump_clock):
    """The handler receives just before its time is up."""

    async def handler(ws):
        await ws.accept()
        await trio.sleep(4.5)
        with pytest.raises(trioweb.ConnectionClosedError, match="1002"):
            while True:
                assert await ws.receive() == "one"

    async def drive(peer):
        await peer.send(frame(TEXT, b"one") + frame(0x3, b""))
        started = trio.current_time()
        assert (await peer.receive_close())[0] == 1002
        assert trio.current_time() - started == pytest.approx(4.5)
        assert await peer.receive_end() == b""

    await converse(handler, drive, timeouts=Timeouts(close_seconds=5))


async def test_a_peer_that_answers_a_ping_with_a_flood_is_alive_however_long_it_waits(autojump_clock):
    seen = []

    async def handler(ws):
        await ws.accept()
        await trio.sleep(30)
        seen.extend([await ws.receive() for _ in range(8)])

    async def drive(peer):
        ping = await peer.receive_frame()
        await peer.send(b"".join(frame(TEXT, b"%d" % number) for number in range(8)))
        await trio.sleep(25)
        await peer.send(frame(PONG, ping.payload))
        while (got := await peer.receive_frame()).opcode == PING:
            pass
        assert got.payload == (1000).to_bytes(2, "big")

    timeouts = Timeouts(ping_interval_seconds=2, ping_timeout_seconds=5)
    await converse(handler, drive, timeouts=timeouts, inbox_messages=2)
    assert seen == [*map(str, range(8))]


async def test_more_than_one_turn_of_tiny_frames_is_received_without_a_gap(autojump_clock):
    seen = []

    async def handler(ws):
        await ws.accept()
        await trio.sleep(1)
        async for message in ws:
            seen.append(int(message))

    async def drive(peer):
        numbers = iter(range(3000))
        for count in (500, 10, 990, 1500):
            pongs = frame(PONG, b"unasked") * 5000
            await peer.send(pongs + b"".join(frame(TEXT, b"%d" % next(numbers)) for _ in range(count)))
        await trio.sleep(2)
        assert await peer.close() == (1000, "")

    await converse(handler, drive, inbox_messages=100)
    assert seen == [*range(3000)]


async def test_an_inbox_that_a_turn_leaves_full_stays_as_it_is_until_somebody_receives(autojump_clock):
    """Wherever in a turn the message comes that fills it."""
    seen = []

    async def handler(ws):
        async for message in ws:
            await trio.sleep(1)
            seen.append((int(message), len(ws._inbox.items)))

    async def drive(peer):
        for count in range(0, 30, 3):
            text = frame(TEXT, b"%d" % count)
            await peer.send(text + frame(PONG, b"unasked") * count + text * 2)
            await trio.sleep(4)
        await peer.close()

    await converse(handler, drive, inbox_messages=1)
    assert seen == [(count, waiting) for count in range(0, 30, 3) for waiting in (1, 1, 0)]


@pytest.mark.parametrize("fast_lane", [True, False])
@pytest.mark.parametrize("is_fragmented", [True, False])
async def test_a_long_message_may_come_together_with_the_one_that_announces_it(
    autojump_clock, fast_lane, is_fragmented
):
    """The task waiting for the first had no chance yet to ask for the second in pieces."""
    seen = []

    async def handler(ws):
        for _ in range(2):
            seen.append(await ws.receive())
            async with ws.receive_stream() as chunks:
                seen.append(b"".join([chunk async for chunk in chunks]))

    async def drive(peer):
        await trio.testing.wait_all_tasks_blocked()
        name = frame(TEXT, b"name")
        if is_fragmented:
            name = frame(TEXT, b"na", is_final=False) + frame(0x0, b"me")
        content = frame(PING, b"") + frame(BINARY, b"x" * 5000)
        for _ in range(2):
            await peer.send(name + content)
            assert (await peer.receive_frame()).opcode == PONG
        assert await peer.receive_close() == (1000, "")

    config = Config(limits=Limits(message_bytes=1000), fast_lane=fast_lane)
    async with conversing(handler, config) as peer:
        await drive(peer)
    assert seen == ["name", b"x" * 5000] * 2


async def test_a_long_message_not_wanted_in_pieces_is_refused_after_the_one_before_it(autojump_clock):
    seen = []

    async def handler(ws):
        seen.append(await ws.receive())
        with pytest.raises(trioweb.ConnectionClosedError, match="1009"):
            await ws.receive()

    async def drive(peer):
        await trio.testing.wait_all_tasks_blocked()
        await peer.send(frame(TEXT, b"name") + frame(BINARY, b"x" * 5000))
        assert (await peer.receive_close())[0] == 1009

    await converse(handler, drive, message_bytes=1000)
    assert seen == ["name"]


async def test_a_long_message_may_come_at_the_moment_at_which_it_is_asked_for():
    """Trio chooses the first task at random in each pass, so it is tried often."""
    rounds, seen = 40, []
    app = trioweb.App(Config(limits=Limits(message_bytes=1000)))

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        for _ in range(rounds):
            stream.socket._sock.send(frame(BINARY, b"x" * 5000))
            async with ws.receive_stream() as chunks:
                seen.append(len(b"".join([chunk async for chunk in chunks])))

    async with running(app) as server, await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        peer = RawPeer(stream)
        await peer.open()
        assert await peer.receive_close() == (1000, "")
    assert seen == [5000] * rounds


async def test_a_message_that_came_before_the_close_can_still_be_received_in_pieces(autojump_clock):
    seen = []

    async def handler(ws):
        await ws.accept()
        await trio.sleep(1)  # meanwhile both frames arrive
        async with ws.receive_stream() as chunks:
            seen.append([chunk async for chunk in chunks])
        with pytest.raises(trioweb.ConnectionClosedError, match="4000"):
            async with ws.receive_stream():
                pass

    async with conversing(handler) as peer:
        await peer.send(frame(TEXT, b"last words") + close_frame(4000))
        assert await peer.receive_close() == (4000, "")
        await peer.receive_end()
        await trio.sleep(2)
    assert seen == [["last words"]]
