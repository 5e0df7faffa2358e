"""`ws.traffic()`, compared with the frames that the peer sees."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st
from support.serving import connected, conversing, in_memory, running

from trioweb import App, Config, Deflate, Limits, Timeouts
from trioweb._websocket.traffic import Traffic
from trioweb.testing import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_frame, frame

NOTHING = dict.fromkeys(Traffic._fields[:-1], 0)
HANDSHAKE_BYTES = len(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


def counted(ws, **expected):
    numbers = ws.traffic()._asdict()
    assert numbers.pop("sent_handshake_bytes") == HANDSHAKE_BYTES
    assert numbers == {**NOTHING, **expected}


async def test_the_response_to_the_handshake_is_not_counted_as_traffic(autojump_clock):
    async def handler(ws):
        await ws.accept()
        await trio.testing.wait_all_tasks_blocked()
        counted(ws)

    async with conversing(handler) as peer:
        assert await peer.receive_close() == (1000, "")


async def test_messages_are_counted_with_their_frames_and_the_close_frames_apart(autojump_clock):
    held = []

    async def handler(ws):
        held.append(ws)
        await ws.send(await ws.receive())
        await ws.send(b"x" * 200)
        await ws.flush()
        counted(ws, received_messages=1, received_bytes=6 + 5, sent_messages=2, sent_bytes=2 + 5 + 4 + 200)
        async for _ in ws:
            pass

    async with conversing(handler) as peer:
        await peer.send_text("hello")
        assert await peer.receive_text() == "hello"
        await peer.receive_binary()
        assert await peer.close(1000, "bye") == (1000, "bye")
    counted(
        held[0],
        received_messages=1,
        received_bytes=11,
        received_control_frames=1,
        received_control_bytes=6 + 2 + 3,
        sent_messages=2,
        sent_bytes=211,
        sent_control_frames=1,
        sent_control_bytes=2 + 2 + 3,
    )


async def test_pings_and_pongs_are_control_frames_both_ways(autojump_clock):
    async def handler(ws):
        await ws.accept()
        await ws.ping()
        assert await ws.receive() == "x"
        await ws.flush()
        await trio.testing.wait_all_tasks_blocked()
        counted(
            ws,
            received_messages=1,
            received_bytes=7,
            received_control_frames=2,
            received_control_bytes=6 + 4 + 6 + 3,
            sent_control_frames=2,
            sent_control_bytes=2 + 4 + 2 + 3,
        )

    async with conversing(handler) as peer:
        ping = await peer.receive_frame()
        await peer.send(frame(PONG, ping.payload) + frame(PING, b"abc") + frame(TEXT, b"x"))
        assert (await peer.receive_frame()).opcode == PONG
        assert await peer.receive_close() == (1000, "")


async def test_a_ping_between_the_frames_of_a_message_is_counted_apart(autojump_clock):
    async def handler(ws):
        assert await ws.receive() == "ab"
        await ws.flush()
        await trio.testing.wait_all_tasks_blocked()
        counted(
            ws,
            received_messages=1,
            received_bytes=2 * 7,
            received_control_frames=1,
            received_control_bytes=6 + 1,
            sent_control_frames=1,
            sent_control_bytes=2 + 1,
        )

    async with conversing(handler) as peer:
        await peer.send(frame(TEXT, b"a", is_final=False) + frame(PING, b"?") + frame(CONTINUATION, b"b"))
        assert (await peer.receive_frame()).opcode == PONG
        assert await peer.receive_close() == (1000, "")


async def test_an_empty_close_frame_has_no_payload(autojump_clock):
    held = []

    async def handler(ws):
        held.append(ws)
        async for _ in ws:
            pass

    async with conversing(handler) as peer:
        await trio.testing.wait_all_tasks_blocked()
        await peer.send(close_frame())
        assert await peer.receive_close() == (None, "")
        await peer.receive_end()
    counted(
        held[0],
        received_control_frames=1,
        received_control_bytes=6,
        sent_control_frames=1,
        sent_control_bytes=2,
    )


async def test_a_message_in_pieces_is_one_message_each_way(autojump_clock):
    async def handler(ws):
        async with ws.receive_stream() as chunks:
            assert "".join([chunk async for chunk in chunks]) == "abc"
        async with ws.send_stream() as stream:
            for chunk in (b"1", b"22", b"333"):
                await stream.send(chunk)
                await ws.flush()
                assert ws.traffic().sent_messages == 0
        await ws.flush()
        counted(ws, received_messages=1, received_bytes=3 * 7, sent_messages=1, sent_bytes=3 + 4 + 5 + 2)

    async with conversing(handler) as peer:
        await peer.send(frame(TEXT, b"a", is_final=False) + frame(CONTINUATION, b"b", is_final=False))
        await peer.send(frame(CONTINUATION, b"c"))
        assert [(await peer.receive_frame()).payload for _ in range(4)] == [b"1", b"22", b"333", b""]
        assert await peer.receive_close() == (1000, "")


FAILING = {
    "too big": (frame(BINARY, bytes(20)), 1009),
    "too big in pieces": (frame(BINARY, bytes(8), is_final=False) + frame(CONTINUATION, bytes(8)), 1009),
    "too many pieces": (
        frame(BINARY, b"a", is_final=False) + frame(CONTINUATION, b"b", is_final=False) * 3,
        1008,
    ),
    "a wrong opcode": (frame(3, b"?"), 1002),
    "no UTF-8": (frame(TEXT, b"\xff"), 1007),
    "no UTF-8 in the second piece": (frame(TEXT, b"a", is_final=False) + frame(CONTINUATION, b"\xff"), 1007),
    "a broken close frame": (frame(CLOSE, b"\x03"), 1002),
    "two messages at once": (frame(TEXT, b"a", is_final=False) + frame(TEXT, b"b"), 1002),
}


@pytest.mark.parametrize("fast_lane", [True, False])
@pytest.mark.parametrize("compression", [None, Deflate()])
@pytest.mark.parametrize("what", FAILING)
async def test_a_violation_and_anything_after_it_are_not_counted_as_messages(
    autojump_clock, what, compression, fast_lane
):
    app, held = App(Config(fast_lane=fast_lane, compression=compression)), []

    @app.websocket("/", limits=Limits(message_bytes=10, message_fragments=3))
    async def handler(ws):
        held.append(ws)
        async for _ in ws:
            pass

    wrong, code = FAILING[what]
    async with in_memory(app) as peer:
        await peer.open("/", ("Sec-WebSocket-Extensions", "permessage-deflate"))
        await peer.send(frame(TEXT, b"hi") + frame(PING) + wrong + frame(TEXT, b"after"))
        while (answer := await peer.receive_frame()).opcode != CLOSE:
            pass
        assert int.from_bytes(answer.payload[:2], "big") == code
        await peer.send(close_frame(code))
        await peer.receive_end()
    traffic = held[0].traffic()
    assert (traffic.received_messages, traffic.received_bytes) == (1, 6 + 2)
    assert (traffic.received_control_frames, traffic.received_control_bytes) == (1, 6)


async def test_a_message_counts_when_it_is_whole_and_a_ping_within_it_at_once(autojump_clock):
    held = []

    async def handler(ws):
        held.append(ws)
        async for _ in ws:
            pass

    async with conversing(handler) as peer:
        await peer.send(frame(TEXT, b"a", is_final=False) + frame(PING, b"?"))
        assert (await peer.receive_frame()).opcode == PONG
        ping = {"received_control_frames": 1, "received_control_bytes": 7}
        pong = {"sent_control_frames": 1, "sent_control_bytes": 3}
        counted(held[0], **ping, **pong)
        whole = frame(CONTINUATION, b"b")
        for piece in (whole[:3], whole[3:]):
            counted(held[0], **ping, **pong)
            await peer.send(piece)
            await trio.testing.wait_all_tasks_blocked()
        counted(held[0], received_messages=1, received_bytes=7 + 7, **ping, **pong)
        await peer.send(frame(TEXT, b"a", is_final=False) + close_frame(1000))
        await peer.receive_close()
        await peer.receive_end()
    traffic = held[0].traffic()
    assert (traffic.received_messages, traffic.received_bytes) == (1, 7 + 7)
    assert (traffic.received_control_frames, traffic.received_control_bytes) == (2, 7 + 8)


async def test_a_message_that_was_cut_off_is_not_counted(autojump_clock):
    held = []

    async def handler(ws):
        held.append(ws)
        with pytest.raises(ValueError, match="cut off"):
            async with ws.send_stream() as stream:
                await stream.send(b"1")
                await stream.send(b"2")
                raise ValueError("cut off")

    async with conversing(handler) as peer:
        assert [(await peer.receive_frame()).payload for _ in range(2)] == [b"1", b"2"]
        assert (await peer.receive_close())[0] == 1011
        await peer.send(close_frame(1011))
        await peer.receive_end()
    assert held[0].traffic().sent_messages == 0
    assert (held[0].traffic().sent_bytes, held[0].traffic().sent_control_frames) == (6, 1)


async def test_messages_that_never_left_are_not_counted_as_sent(autojump_clock):
    held = []

    async def handler(ws):
        held.append(ws)
        await ws.accept()
        await ws.receive()
        for number in range(5):
            await ws.send(f"message {number}" * 100)
        async with ws.send_stream() as stream:
            await stream.send(b"piece")
        await ws.receive()

    app = App(Config(timeouts=Timeouts(send_seconds=5, close_seconds=1)))
    app.websocket("/")(handler)
    async with in_memory(app, pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.open()
        await peer.send_text("go")
        await trio.sleep(60)  # reads nothing: it is cut
    traffic = held[0].traffic()
    assert traffic.sent_messages <= 1
    assert (traffic.sent_control_frames, traffic.sent_control_bytes) == (0, 0)
    assert held[0].closed.code == 1006


async def test_statistics_have_the_traffic_of_open_and_of_ended_websockets():
    app = App()

    @app.websocket("/")
    async def handler(ws):
        async for message in ws:
            await ws.send(message)

    def numbers(server):
        now = server.statistics()
        return (
            (
                now.messages_received,
                now.bytes_received,
                now.control_frames_received,
                now.control_bytes_received,
            ),
            (now.messages_sent, now.bytes_sent, now.control_frames_sent, now.control_bytes_sent),
        )

    async with running(app) as server, connected(server) as first:
        await first.open()
        assert numbers(server) == ((0, 0, 0, 0), (0, 0, 0, 0))
        async with connected(server) as second:
            await second.open()
            for peer in (first, second, second):
                await peer.send_text("hi")
                assert await peer.receive_text() == "hi"
            assert numbers(server) == ((3, 3 * 8, 0, 0), (3, 3 * 4, 0, 0))
            assert await second.close() == (1000, "")
        assert numbers(server) == ((3, 3 * 8, 1, 8), (3, 3 * 4, 1, 4))


# Whatever is sent, in whatever order, the numbers are those of the received frames.

ACTIONS = st.lists(
    st.sampled_from(["text", "long", "nowait", "ping", "pinged", "stream", "empty stream", "room", "flush"]),
    max_size=12,
)


async def act(ws, room, action):
    match action:
        case "text":
            await ws.send("text")
        case "long":
            await ws.send(b"long" * 5000)
        case "nowait":
            ws.send_nowait(b"nowait")
        case "ping":
            await ws.ping()
        case "pinged":
            assert await ws.receive() == "pinged"
        case "stream":
            async with ws.send_stream(text=True) as stream:
                await stream.send("piece")
                await room.publish("behind")
                await stream.send("piece" * 5000)
        case "empty stream":
            async with ws.send_stream():
                pass
        case "room":
            await room.publish("room")
        case _:
            await ws.flush()


async def compare(actions, *, compression):
    app, held = App(Config(limits=Limits(outbox_bytes=2**20), compression=compression)), []
    room = app.room("all")

    @app.websocket("/")
    async def handler(ws):
        held.append(ws)
        async with room.join(ws):
            for action in actions:
                await act(ws, room, action)
        await ws.flush()

    frames = []
    async with in_memory(app) as peer:
        await peer.open(
            "/", ("Sec-WebSocket-Extensions", "permessage-deflate") if compression else ("X", "y")
        )
        pings = actions.count("pinged")
        await peer.send((frame(PING, b"now") + frame(TEXT, b"pinged")) * pings)
        while not frames or frames[-1].opcode != CLOSE:
            frames.append(await peer.receive_frame())
            if frames[-1].opcode == PING:
                await peer.send(frame(PONG, frames[-1].payload))
        await peer.send(close_frame(1000))
        await peer.receive_end()
    sizes = [len(one.payload) + (2 if len(one.payload) < 126 else 4) for one in frames]
    controls = [size for one, size in zip(frames, sizes, strict=True) if one.opcode & 8]
    traffic = held[0].traffic()
    assert traffic.sent_messages == sum(one.is_final and not one.opcode & 8 for one in frames)
    assert traffic.sent_bytes == sum(sizes) - sum(controls)
    assert (traffic.sent_control_frames, traffic.sent_control_bytes) == (len(controls), sum(controls))
    assert (traffic.received_messages, traffic.received_bytes) == (pings, pings * (6 + 6))
    answered = actions.count("ping")
    assert traffic.received_control_frames == pings + answered + 1
    assert traffic.received_control_bytes == pings * (6 + 3) + answered * (6 + 4) + 6 + 2


@pytest.mark.parametrize("compression", [None, Deflate(context_takeover=True)])
@given(actions=ACTIONS)
def test_the_numbers_are_those_of_the_frames_that_the_peer_sees(actions, compression):
    trio.run(
        lambda: compare(actions, compression=compression), clock=trio.testing.MockClock(autojump_threshold=0)
    )
