"""Cancelling any call leaves the connection usable: a contract that rivals lack."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from support.serving import converse, running

from trioweb import App, ConnectionClosedError, OutboxFull
from trioweb.testing import PONG, TEXT, RawPeer, check_cancellation, frame, open_client


async def cancelled(call, *arguments):
    """Call and cancel as soon as nothing else can run; return whether it was cancelled."""
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:

            async def canceller():
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()

            nursery.start_soon(canceller)
            await call(*arguments)
            nursery.cancel_scope.cancel()
    return scope.cancelled_caught


async def already_cancelled(call, *arguments):
    with trio.CancelScope() as scope:
        scope.cancel()
        await call(*arguments)
    return scope.cancelled_caught


async def test_a_cancelled_receive_loses_nothing(autojump_clock):
    seen = []

    async def handler(ws):
        assert await cancelled(ws.receive)
        await ws.send("go")
        seen.append(await ws.receive())
        assert await already_cancelled(ws.receive)
        seen.append(await ws.receive())

    async def drive(peer):
        assert await peer.receive_text() == "go"
        await peer.send(frame(TEXT, b"one") + frame(TEXT, b"two"))
        await peer.receive_close()

    await converse(handler, drive)
    assert seen == ["one", "two"]


async def test_a_cancelled_send_queues_its_message_whole_or_not_at_all():
    """Over a real socket whose peer does not read, so that sends really wait."""
    outcomes = []
    tried = trio.Event()
    big = "x" * 700_000

    app = App()

    @app.websocket("/")
    async def handler(ws):
        for number in range(8):
            was_cancelled = await cancelled(ws.send, f"{number}:{big}")
            outcomes.append((number, was_cancelled))
        tried.set()
        await ws.receive()
        await ws.send("last")

    async with running(app) as server, await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        peer = RawPeer(stream)
        await peer.open("/")
        await tried.wait()
        await peer.send_text("read now")
        received = []
        while (text := await peer.receive_text()) != "last":
            number, _, body = text.partition(":")
            assert body == big
            received.append(int(number))
        await peer.close()

    assert received == [number for number, was_cancelled in outcomes if not was_cancelled]
    assert any(was_cancelled for _, was_cancelled in outcomes)


async def test_a_send_in_a_cancelled_scope_sends_nothing(autojump_clock):
    async def handler(ws):
        await ws.accept()
        assert await already_cancelled(ws.send, "never")
        await ws.send("after")

    async def drive(peer):
        assert await peer.receive_text() == "after"

    await converse(handler, drive)


async def test_a_cancelled_ping_is_forgotten_and_its_pong_ignored(autojump_clock):
    seen = []

    async def handler(ws):
        await ws.accept()
        assert await cancelled(ws.ping)
        await ws.send("pong now")
        assert await ws.receive() == "sent"
        seen.append(await ws.ping())

    async def drive(peer):
        first = await peer.receive_frame()
        assert await peer.receive_text() == "pong now"
        await peer.send(frame(PONG, first.payload))
        await peer.send_text("sent")
        second = await peer.receive_frame()
        assert second.payload != first.payload
        await peer.send(frame(PONG, second.payload))
        await peer.receive_close()

    await converse(handler, drive)
    assert seen == [pytest.approx(0)]


async def test_a_cancelled_close_takes_its_course(autojump_clock):
    async def handler(ws):
        await ws.accept()
        assert await cancelled(ws.aclose, 4000)

    async def drive(peer):
        assert await peer.receive_close() == (4000, "")
        assert await peer.receive_end() == b""

    await converse(handler, drive)


async def test_a_conversation_cancelled_anywhere_leaves_its_connection_usable(autojump_clock):
    app = App()

    @app.websocket("/")
    async def handler(ws):
        async def exchange():
            await ws.send("one")
            await ws.ping()
            await ws.send_json({"two": 2})
            await ws.flush()
            await ws.receive()
            with trio.move_on_after(1):
                await ws.wait_closed()

        assert await check_cancellation(exchange) > 3
        await ws.send("the end")

    async with open_client(app) as client, client.websocket("/") as ws:
        while (message := await ws.receive()) != "the end":
            assert message in {"one", '{"two":2}'}
            if message == "one":
                await ws.send("an answer")
        await ws.expect_close(1000)


async def test_a_cancelled_accept_can_be_repeated(autojump_clock):
    async def handler(ws):
        assert await already_cancelled(ws.accept)
        assert not ws.is_accepted
        await ws.accept()
        await ws.send("fine")

    async def drive(peer):
        assert await peer.receive_text() == "fine"

    await converse(handler, drive)


async def test_a_streamed_message_cut_off_by_cancellation_ends_the_connection(autojump_clock):
    async def handler(ws):
        async def half():
            async with ws.send_stream(text=True) as stream:
                await stream.send("half a ")
                await trio.sleep_forever()

        assert await cancelled(half)

    async def drive(peer):
        first = await peer.receive_frame()
        assert (first.opcode, first.is_final, first.payload) == (TEXT, False, b"half a ")
        assert (await peer.receive_close())[0] == 1011

    await converse(handler, drive)


async def test_a_stream_cancelled_before_its_first_piece_harms_nothing(autojump_clock):
    async def handler(ws):
        async def nothing():
            async with ws.send_stream():
                await trio.sleep_forever()

        assert await cancelled(nothing)
        await ws.send("fine")

    async def drive(peer):
        assert await peer.receive_text() == "fine"

    await converse(handler, drive)


async def test_a_cancelled_reader_of_a_stream_leaves_the_next_message_whole(autojump_clock):
    seen = []

    async def handler(ws):
        async def read():
            async with ws.receive_stream() as chunks:
                async for chunk in chunks:
                    seen.append(chunk)

        await ws.accept()
        assert await cancelled(read)
        await ws.send("go on")
        seen.append(await ws.receive())

    async def drive(peer):
        await peer.send(frame(TEXT, b"first ", is_final=False))
        assert await peer.receive_text() == "go on"
        await peer.send(frame(0, b"rest") + frame(TEXT, b"next"))
        await peer.receive_close()

    await converse(handler, drive)
    assert seen == ["first ", "next"]


async def test_every_call_is_a_cancellation_point_even_when_it_need_not_wait(autojump_clock):
    async def handler(ws):
        await ws.accept()
        for call, arguments in [
            (ws.send, ("x",)),
            (ws.send_json, (1,)),
            (ws.flush, ()),
            (ws.ping, ()),
            (ws.receive, ()),
            (ws.receive_text, ()),
            (ws.receive_json, ()),
        ]:
            assert await already_cancelled(call, *arguments), call
        with pytest.raises(OutboxFull):
            for _ in range(2000):
                ws.send_nowait("x" * 2000)

    async def drive(peer):
        while (await peer.receive_frame()).opcode == TEXT:
            pass

    await converse(handler, drive)


async def test_a_task_that_never_waits_still_yields(autojump_clock):
    """A peer that keeps the inbox full, and a handler that echoes, must not starve others."""
    turns = []

    async def handler(ws):
        async def other():
            while True:
                turns.append(1)
                await trio.lowlevel.checkpoint()

        ws.nursery.start_soon(other)
        for _ in range(640):
            await ws.send(await ws.receive())

    async def drive(peer):
        await peer.send(frame(TEXT, b"x") * 640)
        for _ in range(640):
            await peer.receive_text()

    await converse(handler, drive)
    assert len(turns) >= 640 * 2 // 32 - 1


async def test_a_stream_cancelled_before_its_message_came_takes_nothing(autojump_clock):
    seen = []

    async def handler(ws):
        async def read():
            async with ws.receive_stream() as chunks:
                seen.append(await anext(chunks))

        await ws.accept()
        assert await cancelled(read)
        await ws.send("go on")
        seen.append(await ws.receive())

    async def drive(peer):
        assert await peer.receive_text() == "go on"
        await peer.send_text("whole")
        await peer.receive_close()

    await converse(handler, drive)
    assert seen == ["whole"]


async def test_a_message_that_began_while_its_reader_left_comes_whole(autojump_clock):
    seen = []

    async def handler(ws):
        await ws.accept()
        async with ws.receive_stream():
            await trio.sleep(1)
        assert await cancelled(ws.receive)
        await ws.send("go on")
        seen.append(await ws.receive())

    async def drive(peer):
        await peer.send(frame(TEXT, b"one ", is_final=False))
        assert await peer.receive_text() == "go on"
        await peer.send(frame(0, b"message"))
        await peer.receive_close()

    await converse(handler, drive)
    assert seen == ["one message"]


async def test_a_message_whose_reader_left_is_bounded_when_it_is_received_whole(autojump_clock):
    async def handler(ws):
        await ws.accept()
        async with ws.receive_stream():
            await trio.sleep(1)
        with pytest.raises(ConnectionClosedError, match="1009"):
            await ws.receive()

    async def drive(peer):
        for number in range(30):
            await peer.send(frame(0 if number else TEXT, b"x" * 1000, is_final=False))
        assert (await peer.receive_close())[0] == 1009

    await converse(handler, drive, message_bytes=20_000)


async def test_pieces_sent_to_a_peer_that_is_gone_raise_at_once(autojump_clock):
    seen = []

    async def handler(ws):
        with pytest.raises(ConnectionClosedError):
            async with ws.send_stream() as stream:
                while True:
                    await stream.send(b"x")
                    seen.append(1)

    async def drive(peer):
        await peer.receive_frame()
        await peer.stream.aclose()
        await trio.sleep(1)

    await converse(handler, drive)
    assert seen
