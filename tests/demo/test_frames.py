"""The frames example: a cutter of bytes into frames, and a live connection shown by it."""

from __future__ import annotations

import importlib.util
import json
import sys
import tracemalloc
import zlib
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as some
from support.program import Program
from support.waiting import until

from trioweb import Deflate, HandshakeRejected
from trioweb.testing import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawPeer, frame

# Lengths around each of the three forms of a length (RFC 6455 §5.2).
LENGTHS = some.one_of(
    some.integers(0, 300),
    some.sampled_from([125, 126, 127, 255, 256, 257, 65_535, 65_536, 70_000]),
)


@pytest.fixture(scope="module")
def cutting():
    """The example as a module, kept for all examples of a property."""
    path = Path(__file__).parents[2] / "demo" / "frames.py"
    spec = importlib.util.spec_from_file_location("frames_under_test", path)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(path.parent)
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        yield module


@some.composite
def frames(draw):
    """A frame as `frame` of the peer takes it, legal or not."""
    length = draw(LENGTHS)
    seed = draw(some.binary(min_size=1, max_size=7))
    return {
        "opcode": draw(some.integers(0, 15)),
        "payload": (seed * (length // len(seed) + 1))[:length],
        "is_final": draw(some.booleans()),
        "reserved": draw(some.integers(0, 7)),
        "mask": draw(some.none() | some.binary(min_size=4, max_size=4)),
    }


def built(fields):
    fields = dict(fields)
    return frame(fields.pop("opcode"), fields.pop("payload"), **fields)


def cut_in(data, places):
    places = sorted({place % (len(data) + 1) for place in places})
    return [data[start:stop] for start, stop in zip([0, *places], [*places, len(data)], strict=True)]


@given(sent=some.lists(frames(), max_size=6), places=some.lists(some.integers(0, 2**20), max_size=20))
def test_any_frames_cut_anywhere_are_found_again(cutting, sent, places):
    found = []
    cutter = cutting.Cutter(found.append)
    for piece in cut_in(b"".join(map(built, sent)), places):
        cutter.feed(piece)
    assert len(found) == len(sent)
    for cut, fields in zip(found, sent, strict=True):
        parts, payload = cutting.anatomy(cut), fields["payload"]
        assert parts["fin"] == fields["is_final"]
        assert parts["rsv1"] << 2 | parts["rsv2"] << 1 | parts["rsv3"] == fields["reserved"]
        assert parts["opcode"] == fields["opcode"]
        assert parts["mask"] == (fields["mask"] is not None)
        assert parts["key"] == (fields["mask"] or b"").hex()
        assert parts["length"] == len(payload)
        assert parts["payload"] == payload[: cutting.KEPT_BYTES].hex()
        assert cut.payload == built(fields)[-len(payload) or len(built(fields)) :][: cutting.KEPT_BYTES]


@given(sent=some.lists(frames(), min_size=1, max_size=3))
def test_the_parts_of_a_frame_are_all_its_bytes(cutting, sent):
    """Nothing is invented and nothing is left out: joined again, the parts are the frame."""
    found = []
    cutting.Cutter(found.append).feed(b"".join(map(built, sent)))
    for cut, fields in zip(found, sent, strict=True):
        head = bytes([cut.first, cut.second]) + cut.extended + cut.key
        assert built(fields).startswith(head + cut.payload)
        assert len(built(fields)) == len(head) + cut.length


def test_frames_are_found_when_every_byte_comes_on_its_own(cutting):
    found = []
    cutter = cutting.Cutter(found.append)
    for byte in frame(TEXT, b"x" * 300) + frame(PING):
        cutter.feed(bytes([byte]))
    assert [cut.length for cut in found] == [300, 0]


def test_a_long_payload_costs_no_memory(cutting):
    found, piece = [], bytes(64 * 1024)
    cutter = cutting.Cutter(found.append)
    cutter.feed(b"\x82\x7f" + (1024 * len(piece)).to_bytes(8, "big"))
    tracemalloc.start()
    try:
        for _ in range(1024):
            cutter.feed(piece)
        assert tracemalloc.get_traced_memory()[1] < 300_000
    finally:
        tracemalloc.stop()
    assert (found[0].length, len(found[0].payload)) == (64 * 1024 * 1024, cutting.KEPT_BYTES)


# The served example.


@pytest.fixture
def module(example):
    return example("frames")


class Watched:
    """A view, and the connection that it shows."""

    def __init__(self, view, subject):
        self.view = view
        self.subject = subject

    async def frame(self):
        event = await self.view.expect_json()
        assert event["type"] == "frame", event
        return event

    async def frames(self, count):
        return [await self.frame() for _ in range(count)]


@pytest.fixture
def watch(client):
    @asynccontextmanager
    async def watch(path="ws", **options):
        async with client.websocket("/view") as view:
            key = (await view.expect_json())["key"]
            async with client.websocket(f"/{path}/{key}", **options) as subject:
                yield Watched(view, subject)

    return watch


async def test_a_message_and_its_echo_are_two_frames(watch):
    async with watch() as watched:
        await watched.subject.send("Hello")
        await watched.subject.expect_text("Hello")
        sent, echo = await watched.frames(2)
    masked, plain = b"Hello".hex(), {"rsv1": 0, "rsv2": 0, "rsv3": 0, "fin": 1, "opcode": TEXT, "length": 5}
    for event, sender, number in ((sent, "browser", 1), (echo, "server", 2)):
        assert plain.items() <= event.items()
        assert (event["sender"], event["number"], event["payload"]) == (sender, number, masked)
        assert event["seconds"] >= 0
    assert (sent["mask"], sent["short_length"], len(sent["key"])) == (1, 5, 8)
    key, wire = bytes.fromhex(sent["key"]), bytes.fromhex(sent["wire"])
    assert bytes(byte ^ key[place % 4] for place, byte in enumerate(wire)) == b"Hello"
    assert (echo["mask"], echo["key"], echo["wire"]) == (0, "", masked)


@pytest.mark.parametrize(
    ("length", "short_length", "extended"),
    [
        (0, 0, ""),
        (125, 125, ""),
        (126, 126, "007e"),
        (65_535, 126, "ffff"),
        (65_536, 127, "0000000000010000"),
    ],
)
async def test_each_form_of_a_length_is_shown(watch, module, length, short_length, extended):
    async with watch() as watched:
        await watched.subject.send(b"x" * length)
        for event in await watched.frames(2):
            assert (event["opcode"], event["length"]) == (BINARY, length)
            assert (event["short_length"], event["extended"]) == (short_length, extended)
            assert event["payload"] == (b"x" * min(length, module.KEPT_BYTES)).hex()


async def test_fragments_of_either_side_are_shown_one_by_one(watch):
    async with watch() as watched:
        async with watched.subject.send_stream(text=True) as stream:
            await stream.send("one ")
            await stream.send("message")
        await watched.subject.expect_text("one message")
        shown = await watched.frames(4)
        whole = (TEXT, 1, b"one message".hex())
        pieces = [(event["opcode"], event["fin"], event["payload"]) for event in shown]
        assert pieces == [
            (TEXT, 0, b"one ".hex()),
            (CONTINUATION, 0, b"message".hex()),
            (CONTINUATION, 1, ""),
            whole,
        ]
        await watched.view.send_json({"type": "fragments"})
        await watched.subject.expect_text("One message, sent in pieces, each a frame.")
        shown = await watched.frames(4)
        assert [(event["sender"], event["opcode"], event["fin"]) for event in shown] == [
            ("server", TEXT, 0),
            ("server", CONTINUATION, 0),
            ("server", CONTINUATION, 0),
            ("server", CONTINUATION, 1),
        ]


async def test_a_ping_and_its_pong_are_shown(watch):
    async with watch() as watched:
        await watched.view.send_json({"type": "ping"})
        ping, pong = await watched.frames(2)
        assert (ping["sender"], ping["opcode"]) == ("server", PING)
        assert (pong["sender"], pong["opcode"], pong["mask"]) == ("browser", PONG, 1)
        assert ping["payload"] == pong["payload"]
        assert ping["seconds"] <= pong["seconds"]


async def test_a_compressed_frame_says_so_in_rsv1_and_can_be_inflated(watch):
    async with watch("compressed", compression=Deflate()) as watched:
        text = "Hello, " * 200  # neither side compresses short messages
        await watched.subject.send(text)
        await watched.subject.expect_text(text)
        for event in await watched.frames(2):
            assert (event["rsv1"], event["opcode"]) == (1, TEXT)
            payload = bytes.fromhex(event["payload"]) + b"\x00\x00\xff\xff"
            assert zlib.decompressobj(-zlib.MAX_WBITS).decompress(payload) == text.encode()


@pytest.mark.parametrize("closes", ["browser", "server"])
async def test_the_close_frames_of_both_sides_are_shown(watch, closes):
    async with watch() as watched:
        if closes == "browser":
            await watched.subject.aclose(4001, "enough")
        else:
            await watched.view.send_json({"type": "close", "code": 4001, "reason": "enough"})
            await watched.subject.wait_closed()
        shown = await watched.frames(2)
        assert [event["sender"] for event in shown] == [closes, "browser" if closes == "server" else "server"]
        for event in shown:
            assert (event["opcode"], event["payload"]) == (CLOSE, (b"\x0f\xa1enough").hex())
        await watched.view.send_json({"type": "ping"})
        assert "no open connection" in (await watched.view.expect_json())["text"]


async def test_a_page_sees_its_own_frames_only(watch):
    async with watch() as ann, watch() as ben:
        await ann.subject.send("from ann")
        await ben.subject.send("from ben")
        for watched, name in ((ann, b"ann"), (ben, b"ben")):
            for number, event in enumerate(await watched.frames(2), 1):
                assert (event["number"], event["payload"]) == (number, (b"from " + name).hex())


async def test_a_page_without_a_key_sees_nothing(module, client, autojump_clock):
    async with client.websocket("/view") as view:
        key = (await view.expect_json())["key"]
        assert len(key) >= 20
        for path in ("/ws/guess", "/compressed/guess", f"/ws/{key[:-1]}"):
            with pytest.raises(HandshakeRejected) as caught:
                async with client.websocket(path):
                    pass
            assert caught.value.status == 404
    await until(lambda: not module.viewers)
    with pytest.raises(HandshakeRejected):
        async with client.websocket(f"/ws/{key}"):
            pass


@pytest.mark.parametrize(
    "message",
    [
        "no JSON",
        b"\xff",
        "[" * 2000,
        "[]",
        '{"type": "dance"}',
        '{"type": "close"}',
        '{"type": "close", "code": "1000", "reason": ""}',
        '{"type": "close", "code": 1006, "reason": ""}',
        '{"type": "close", "code": 4000, "reason": "' + "x" * 124 + '"}',
    ],
)
async def test_a_command_that_is_not_understood_is_answered_and_the_show_continues(watch, message):
    async with watch() as watched:
        await watched.view.send(message)
        assert (await watched.view.expect_json())["type"] == "error"
        await watched.subject.send("still here")
        assert (await watched.frame())["payload"] == b"still here".hex()


async def test_a_command_before_there_is_a_connection_is_answered(client, autojump_clock):
    async with client.websocket("/view") as view:
        await view.expect_json()
        await view.send_json({"type": "ping"})
        assert "no open connection" in (await view.expect_json())["text"]


async def test_a_connection_that_is_lost_during_a_command_does_not_end_the_view(client, autojump_clock):
    async with client.websocket("/view") as view:
        key = (await view.expect_json())["key"]
        async with client.open_stream() as stream:
            await RawPeer(stream).open(f"/ws/{key}")
            await view.send_json({"type": "ping"})
            assert (await view.expect_json())["opcode"] == PING
        await view.send_json({"type": "ping"})
        assert "no open connection" in (await view.expect_json())["text"]


async def test_a_frame_that_claims_to_be_endless_is_refused_and_the_refusal_is_shown(client, autojump_clock):
    async with client.websocket("/view") as view:
        key = (await view.expect_json())["key"]
        async with client.open_stream() as stream:
            peer = RawPeer(stream)
            await peer.open(f"/ws/{key}")
            await peer.send(b"\x82\xff" + (2**62).to_bytes(8, "big") + b"mask" + b"x" * 1000)
            assert (await peer.receive_close())[0] == 1009
            shown = await view.expect_json()
            assert (shown["sender"], shown["opcode"], shown["payload"][:4]) == ("server", CLOSE, "03f1")


async def test_a_view_that_does_not_read_holds_up_nobody_and_is_told_what_it_missed(
    module, client, autojump_clock
):
    async with client.open_stream() as stream:
        slow = RawPeer(stream)
        await slow.open("/view")
        key = json.loads(await slow.receive_text())["key"]
        async with client.websocket(f"/ws/{key}") as subject:
            text, count = "x" * module.KEPT_BYTES, 1200
            for _ in range(count):
                await subject.send(text)
                await subject.expect_text(text)
        expected, gaps = 1, 0
        while expected <= 2 * count:  # the two close frames follow, or are among the missed
            event = json.loads(await slow.receive_text())
            if event["type"] == "missed":
                expected += event["count"]
                gaps += 1
            else:
                assert event["number"] == expected
                expected += 1
        assert gaps >= 1


def test_the_program_serves_by_itself_until_ctrl_c():
    with Program("demo/frames.py", "--port", "0") as program:
        assert "<h1>Frames</h1>" in httpx.get(program.wait_for_url(), trust_env=False).text
        assert program.interrupt()[0] == 0
