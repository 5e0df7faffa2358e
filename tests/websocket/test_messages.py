"""Messages of each kind, whole and in pieces, both ways."""

from __future__ import annotations

import json

import pytest
import trio
import trio.testing
from support.serving import converse, in_memory

import trioweb
from trioweb import App, LocalProtocolError
from trioweb.testing import BINARY, TEXT, close_frame, frame, handshake


async def test_text_is_str_and_binary_is_bytes_even_if_empty(autojump_clock):
    seen = []

    async def handler(ws):
        async for message in ws:
            seen.append(message)
            await ws.send(message)

    async def drive(peer):
        for opcode, payload in [(TEXT, "grüße".encode()), (BINARY, b"\xff"), (TEXT, b""), (BINARY, b"")]:
            await peer.send(frame(opcode, payload))
            assert await peer.receive_frame() == (opcode, payload, True, 0)

    await converse(handler, drive)
    assert seen == ["grüße", b"\xff", "", b""]


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
async def test_every_form_of_length_comes_back(autojump_clock, length):
    async def handler(ws):
        await ws.send(await ws.receive())

    async def drive(peer):
        await peer.send_binary(b"x" * length)
        assert await peer.receive_binary() == b"x" * length

    await converse(handler, drive)


async def test_bytes_that_arrive_with_the_handshake_are_not_lost(autojump_clock):
    app, seen = App(), []

    @app.websocket("/")
    async def handler(ws):
        await trio.sleep(1)
        seen.append(await ws.receive())
        seen.append(await ws.receive())

    async with in_memory(app) as peer:
        await peer.send(handshake() + frame(TEXT, b"early") + frame(TEXT, b"birds")[:3])
        await peer.receive_head()
        await peer.send(frame(TEXT, b"birds")[3:])
        assert await peer.receive_close() == (1000, "")
    assert seen == ["early", "birds"]


async def test_a_fragmented_message_with_a_ping_inside_comes_whole(autojump_clock):
    seen = []

    async def handler(ws):
        seen.append(await ws.receive())

    async def drive(peer):
        await peer.send(frame(TEXT, b"one ", is_final=False) + frame(0x9, b"?") + frame(0, b"message"))
        assert (await peer.receive_frame()).payload == b"?"
        await peer.receive_close()

    await converse(handler, drive)
    assert seen == ["one message"]


@pytest.mark.parametrize(
    ("call", "data", "code"),
    [
        ("receive_text", frame(BINARY, b"x"), 1003),
        ("receive_bytes", frame(TEXT, b"x"), 1003),
        ("receive_json", frame(TEXT, b"{"), 1007),
        ("receive_json", frame(BINARY, b"\xff\xfe\x00"), 1007),
        ("receive_json", frame(TEXT, b"[" * 100_000), 1007),
    ],
)
async def test_the_wrong_kind_closes_with_its_code(autojump_clock, call, data, code):
    seen = []

    async def handler(ws):
        with pytest.raises(trioweb.ConnectionClosedError) as caught:
            await getattr(ws, call)()
        seen.append(caught.value.code)

    async def drive(peer):
        await peer.send(data)
        assert (await peer.receive_close())[0] == code

    await converse(handler, drive)
    assert seen == [code]


async def test_the_right_kind_is_returned(autojump_clock):
    seen = []

    async def handler(ws):
        seen.extend([await ws.receive_text(), await ws.receive_bytes(), await ws.receive_json()])
        await ws.send_json({"grüße": [1, None]})
        await ws.send_json(json.loads('"\\ud800"'))

    async def drive(peer):
        await peer.send(frame(TEXT, b"a") + frame(BINARY, b"b") + frame(TEXT, b'{"c": 1}'))
        assert json.loads(await peer.receive_text()) == {"grüße": [1, None]}
        assert await peer.receive_text() == '"\\ud800"'

    await converse(handler, drive)
    assert seen == ["a", b"b", {"c": 1}]


@pytest.mark.parametrize("message", [None, 1, ["x"], "\ud800"])
async def test_a_value_that_is_not_a_message_is_refused_by_send(autojump_clock, message):
    async def handler(ws):
        for call in (ws.send, ws.outbox.send):
            with pytest.raises(LocalProtocolError):
                await call(message)
        with pytest.raises(LocalProtocolError):
            ws.send_nowait(message)
        with pytest.raises(LocalProtocolError):
            await ws.send_json({"x": float("nan")})
        await ws.send("fine")

    async def drive(peer):
        assert await peer.receive_text() == "fine"

    await converse(handler, drive)


async def test_buffers_and_subclasses_are_messages(autojump_clock):
    class Name(str):
        __slots__ = ()

    async def handler(ws):
        await ws.send(bytearray(b"a"))
        await ws.send(memoryview(b"b"))
        await ws.send(Name("c"))
        await ws.outbox.send("d")
        ws.outbox.send_nowait("e")
        await ws.outbox.aclose()

    async def drive(peer):
        assert [await peer.receive_binary() for _ in range(2)] == [b"a", b"b"]
        assert [await peer.receive_text() for _ in range(3)] == ["c", "d", "e"]
        assert await peer.receive_close() == (1000, "")
        await peer.send(close_frame(1000))

    await converse(handler, drive)


async def test_only_one_task_may_receive(autojump_clock):
    async def handler(ws):
        await ws.accept()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ws.receive)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(trioweb.ReceiveBusy):
                await ws.receive()
            with pytest.raises(trioweb.ReceiveBusy):
                async with ws.receive_stream():
                    pass
            nursery.cancel_scope.cancel()

    async def drive(peer):
        assert await peer.receive_close() == (1000, "")

    await converse(handler, drive)


async def test_a_message_can_be_sent_piece_by_piece_and_others_follow(autojump_clock):
    async def handler(ws):
        async with ws.send_stream(text=True) as stream:
            await stream.send("one ")
            await ws.send("another message")
            await stream.send("message")
            with pytest.raises(LocalProtocolError, match="takes str, not bytes"):
                await stream.send(b"x")
        async with ws.send_stream():
            pass

    async def drive(peer):
        pieces = [await peer.receive_frame() for _ in range(3)]
        assert [(piece.opcode, piece.payload, piece.is_final) for piece in pieces] == [
            (TEXT, b"one ", False),
            (0, b"message", False),
            (0, b"", True),
        ]
        assert await peer.receive_text() == "another message"
        assert await peer.receive_frame() == (BINARY, b"", True, 0)
        assert await peer.receive_close() == (1000, "")

    await converse(handler, drive)


async def test_a_stream_is_not_blocked_by_messages_that_wait_for_it(autojump_clock):
    async def handler(ws):
        async with ws.send_stream() as stream:
            await stream.send(b"begin")
            with pytest.raises(trioweb.OutboxFull):
                while True:
                    ws.send_nowait(b"x" * 100)
            for _ in range(100):
                await stream.send(b"y" * 100)

    async def drive(peer):
        assert (await peer.receive_frame()).payload == b"begin"
        for _ in range(100):
            assert (await peer.receive_frame()).payload == b"y" * 100
        assert (await peer.receive_frame()).is_final
        behind = 0
        while (got := await peer.receive_frame()).opcode == BINARY:
            assert got.payload == b"x" * 100
            behind += 1
        assert behind >= 5

    await converse(handler, drive, outbox_bytes=1000)


async def test_a_message_longer_than_the_limit_can_be_received_piece_by_piece(autojump_clock):
    seen = []

    async def handler(ws):
        async with ws.receive_stream() as chunks:
            seen.append(sum([len(chunk) async for chunk in chunks]))
        seen.append(await ws.receive())

    async def drive(peer):
        for number in range(50):
            opcode = 0 if number else BINARY
            await peer.send(frame(opcode, b"x" * 10_000, is_final=number == 49))
        await peer.send_text("after")
        await peer.receive_close()

    await converse(handler, drive, message_bytes=20_000, inbox_bytes=30_000)
    assert seen == [500_000, "after"]


async def test_a_long_message_that_came_before_its_reader_waits_for_it(autojump_clock):
    """The handler chooses late how to read, and must not lose the race."""
    seen = []

    async def handler(ws):
        await ws.accept()
        await trio.sleep(10)
        async with ws.receive_stream() as chunks:
            seen.append("".join([chunk async for chunk in chunks]))

    async def drive(peer):
        await peer.send(frame(TEXT, b"x" * 70_000) + frame(TEXT, b"next"))
        await peer.receive_close()

    await converse(handler, drive, message_bytes=50_000)
    assert seen == ["x" * 70_000]


async def test_a_message_longer_than_the_limit_is_too_big_when_received_whole(autojump_clock):
    async def handler(ws):
        await ws.accept()
        await trio.sleep(10)
        with pytest.raises(trioweb.ConnectionClosedError, match="1009"):
            await ws.receive()

    async def drive(peer):
        await peer.send(frame(TEXT, b"x" * 70_000))
        assert (await peer.receive_close())[0] == 1009

    await converse(handler, drive, message_bytes=50_000)


async def test_a_short_message_is_a_stream_of_one_piece(autojump_clock):
    seen = []

    async def handler(ws):
        await ws.accept()
        for _ in range(3):
            async with ws.receive_stream() as chunks:
                seen.append([chunk async for chunk in chunks])

    async def drive(peer):
        await peer.send(frame(TEXT, b"one") + frame(BINARY, b"two") + frame(TEXT, b""))
        await peer.receive_close()

    await converse(handler, drive)
    assert [b"".join(x if isinstance(x, bytes) else x.encode() for x in chunks) for chunks in seen] == [
        b"one",
        b"two",
        b"",
    ]


async def test_the_rest_of_a_streamed_message_is_discarded(autojump_clock):
    seen = []

    async def handler(ws):
        await ws.accept()
        for _ in range(2):
            async with ws.receive_stream() as chunks:
                seen.append(await anext(chunks))
        async with ws.receive_stream():
            pass  # nothing taken: the message stays
        seen.append(await ws.receive())

    async def drive(peer):
        await peer.send(frame(TEXT, b"one", is_final=False))
        await trio.sleep(1)
        await peer.send(frame(0, b" and more", is_final=False))
        await trio.sleep(1)
        await peer.send(frame(0, b" and end") + frame(TEXT, b"two") + frame(TEXT, b"three"))
        await peer.receive_close()

    await converse(handler, drive)
    assert seen == ["one", "two", "three"]


async def test_a_stream_whose_connection_ends_raises(autojump_clock):
    seen = []

    async def handler(ws):
        with pytest.raises(trioweb.ConnectionClosedError):
            async with ws.receive_stream() as chunks:
                async for chunk in chunks:
                    seen.append(chunk)

    async def drive(peer):
        await peer.send(frame(TEXT, b"one", is_final=False))
        await trio.sleep(1)
        await peer.stream.aclose()
        await trio.sleep(1)

    await converse(handler, drive)
    assert seen == ["one"]
