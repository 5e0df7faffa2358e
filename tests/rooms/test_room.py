"""Rooms: publishing to many, and what a slow member gets."""

from __future__ import annotations

import gc
import json
import zlib
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from support.waiting import settled

from trioweb import (
    App,
    Config,
    ConnectionClosedOK,
    Deflate,
    Limits,
    LocalProtocolError,
    Overflow,
    Timeouts,
)
from trioweb.testing import RawPeer, open_client

SMALL = Limits(outbox_messages=4, outbox_bytes=8 * 1024 * 1024)
BLOCK = b"x" * 100_000


def chat(**options):
    """An app whose /join puts a connection into the room and publishes its messages."""
    app = App(Config(**options))

    @app.websocket("/join")
    async def join(ws):
        room = app.room("lobby")
        async with room.join(ws):
            async for message in ws:
                await room.publish(message, exclude=ws)

    return app


@asynccontextmanager
async def joined(app, count):
    """Serve an app, and yield peers that are in its room, each on a connection of its own."""
    async with open_client(app) as client:
        peers = [RawPeer(client.open_stream()) for _ in range(count)]
        for peer in peers:
            await peer.open("/join")
        await settled()
        yield peers


async def stuff(room):
    """Publish large blocks until they wait for a peer that does not read."""
    for _ in range(100):
        await room.publish(BLOCK)
        await settled()
        if any(member.outbox.statistics().messages for member in room.members):
            return
    raise AssertionError("the connection took ten megabytes")


async def test_a_message_reaches_everybody_but_the_one_excluded(autojump_clock):
    app = chat()
    async with joined(app, 3) as (one, two, three):
        await one.send_text("hello")
        assert [await two.receive_text(), await three.receive_text()] == ["hello", "hello"]
        await two.send_text("and welcome")
        assert [await one.receive_text(), await three.receive_text()] == ["and welcome", "and welcome"]


async def test_the_order_of_each_publisher_is_kept_for_every_member(autojump_clock):
    app = chat()
    async with joined(app, 5) as peers:
        room = app.room("lobby")

        async def publisher(name):
            for number in range(100):
                await room.publish(f"{name}{number}")

        async with trio.open_nursery() as nursery:
            for name in "abc":
                nursery.start_soon(publisher, name)
        for peer in peers:
            got = [await peer.receive_text() for _ in range(300)]
            for name in "abc":
                assert [text for text in got if text[0] == name] == [f"{name}{n}" for n in range(100)]


@pytest.mark.slow
async def test_one_stalled_member_among_a_thousand_changes_nothing_for_the_others(autojump_clock):
    app = chat(timeouts=Timeouts(send_seconds=60))
    async with joined(app, 1000) as (_stalled, *others):
        room = app.room("lobby")
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:

                async def read(peer):
                    while await peer.receive_binary() != b"end":
                        pass

                for peer in others:
                    nursery.start_soon(read, peer)
                for _ in range(20):
                    await room.publish(b"x" * 10_000)
                await room.publish(b"end")
        assert len(room) == 1000


async def test_close_ends_a_slow_member_with_1013_and_nothing_after_it(autojump_clock):
    app = chat(limits=SMALL)
    async with joined(app, 1) as (slow,):
        room = app.room("lobby")
        for number in range(200):
            await room.publish(b"%03d" % number + BLOCK)
            if all(member._outlet.is_sealed for member in room.members):  # or it has left already
                break
        await room.publish(b"after")
        expected = 0
        while (frame := await slow.receive_frame()).opcode != 8:
            assert frame.payload[:3] == b"%03d" % expected
            expected += 1
        assert frame.payload[:2] == (1013).to_bytes(2, "big")
        assert expected == number, "every message before the close, and no gap"


async def test_drop_oldest_keeps_the_newest_and_marks_the_gap_where_it_is(autojump_clock):
    app = App(Config(limits=SMALL))

    @app.websocket("/join")
    async def join(ws):
        notice = lambda missed: json.dumps({"missed": missed})  # noqa: E731
        async with app.room("lobby").join(ws, overflow=Overflow.DROP_OLDEST, missed_notice=notice) as member:
            await ws.receive()
            await ws.send(f"missed {member.missed}, drops {ws.outbox.statistics().drops}")

    async with joined(app, 1) as (slow,):
        room = app.room("lobby")
        await stuff(room)
        for number in range(10):
            await room.publish(f"news {number}")
        texts = []
        await slow.send_text("reading now")
        while True:
            frame = await slow.receive_frame()
            if frame.opcode == 1:
                texts.append(frame.payload.decode())
                if texts[-1].startswith("missed"):
                    break
        *got, report = texts
        missed = [json.loads(text)["missed"] for text in got if text.startswith("{")]
        news = [text for text in got if not text.startswith("{")]
        assert news == [f"news {n}" for n in range(10 - len(news), 10)]
        assert len(news) < 10
        assert got[0].startswith("{"), "the mark stands where the gap is"
        assert report == f"missed {sum(missed)}, drops {sum(missed)}"


async def test_drop_newest_keeps_the_oldest_and_says_later_what_was_missed(autojump_clock):
    app = App(Config(limits=SMALL))

    @app.websocket("/join")
    async def join(ws):
        room = app.room("lobby", overflow=Overflow.DROP_NEWEST)
        async with room.join(ws, missed_notice=lambda missed: f"you missed {missed}"):
            await ws.receive()
            await ws.flush()
            await room.publish("last")
            await ws.receive()

    async with joined(app, 1) as (slow,):
        room = app.room("lobby")
        await stuff(room)
        for number in range(10):
            await room.publish(f"news {number}")
        drops = room.statistics().drops
        await slow.send_text("reading now")
        texts = []
        while not texts or texts[-1] != "last":
            frame = await slow.receive_frame()
            if frame.opcode == 1:
                texts.append(frame.payload.decode())
        kept = len(texts) - 2
        assert texts == [f"news {n}" for n in range(kept)] + [f"you missed {10 - kept}", "last"]
        assert drops == 10 - kept
        await slow.send_text("bye")


async def test_latest_keeps_the_newest_of_each_key(autojump_clock):
    app = App(Config(limits=Limits(outbox_messages=100)))

    @app.websocket("/join")
    async def join(ws):
        async with app.room("lobby", overflow=Overflow.LATEST).join(ws):
            await ws.receive()

    async with joined(app, 1) as (slow,):
        room = app.room("lobby")
        await stuff(room)
        for price in range(50):
            for key in ("gold", "silver"):
                await room.publish(f"{key} {price}", key=key)
        await slow.send_text("reading now")
        texts = []
        while (frame := await slow.receive_frame()).opcode != 8:
            if frame.opcode == 1:
                texts.append(frame.payload.decode())
        assert texts == ["gold 49", "silver 49"]


async def test_wait_makes_the_publisher_alone_wait(autojump_clock):
    app = App(Config(limits=SMALL))

    @app.websocket("/join")
    async def join(ws):
        async with app.room("lobby", overflow=Overflow.WAIT).join(ws):
            await ws.receive()

    async with joined(app, 2) as (slow, quick):
        room = app.room("lobby")
        published = []

        async def publisher():
            for number in range(300):
                await room.publish(b"%03d" % number + BLOCK)
                published.append(number)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(publisher)
            got = []

            async def read_quick():
                for _ in range(300):
                    got.append(int((await quick.receive_binary())[:3]))

            nursery.start_soon(read_quick)
            await settled()
            assert len(got) == len(published) + 1
            assert len(got) < 300
            for number in range(300):
                assert int((await slow.receive_binary())[:3]) == number
        assert got == list(range(300))


async def test_a_member_may_leave_during_a_publish(autojump_clock):
    app = chat()
    async with joined(app, 200) as peers:
        room = app.room("lobby")
        async with trio.open_nursery() as nursery:
            for peer in peers[::2]:
                nursery.start_soon(peer.stream.aclose)
            for _ in range(20):
                await room.publish("x")
        await settled()
        assert len(room) == 100
        await room.publish("end")
        for peer in peers[1::2]:
            while await peer.receive_text() != "end":
                pass


async def test_a_room_that_nobody_holds_is_forgotten(autojump_clock):
    app = chat()
    async with joined(app, 1) as (peer,):
        gc.collect()
        assert len(app._rooms) == 1
        await peer.close()
        await settled()
        gc.collect()
        assert len(app._rooms) == 0


async def test_only_messages_can_be_published():
    room = App().room("lobby")
    with pytest.raises(LocalProtocolError, match="str or bytes, not dict"):
        await room.publish({"a": 1})
    with pytest.raises(LocalProtocolError, match="UTF-8"):
        await room.publish("\ud800")
    assert await room.publish(bytearray(b"fine")) == 0


async def test_joining_accepts_and_joining_an_ended_connection_raises():
    app = App()
    seen = []

    @app.websocket("/")
    async def handler(ws):
        async with app.room("lobby").join(ws) as member:
            assert ws.is_accepted
            assert member.missed == 0
            await ws.aclose()
        with pytest.raises(Exception, match="1000"):
            async with app.room("lobby").join(ws):
                seen.append("never")
        seen.append("raised")

    async with open_client(app) as client, client.websocket("/") as ws:
        await ws.expect_close(1000)
    assert seen == ["raised"]


@pytest.mark.parametrize("context_takeover", [False, True])
async def test_compressed_members_get_the_same_messages(context_takeover, autojump_clock):
    app = chat(compression=Deflate(context_takeover=context_takeover, minimum_bytes=0))
    async with open_client(app) as client:
        compressed, plain = RawPeer(client.open_stream()), RawPeer(client.open_stream())
        await compressed.open("/join", ("Sec-WebSocket-Extensions", "permessage-deflate"))
        await plain.open("/join")
        await settled()
        room = app.room("lobby")
        inflate = zlib.decompressobj(-15)
        for number in range(5):
            text = f"{number} " * 100
            await room.publish(text)
            assert await plain.receive_text() == text
            frame = await compressed.receive_frame()
            assert frame.reserved == 4
            if not context_takeover:
                inflate = zlib.decompressobj(-15)
            assert inflate.decompress(frame.payload + b"\0\0\xff\xff").decode() == text


def test_the_quiet_end_of_a_room_is_documented_as_a_channel_end():
    assert issubclass(ConnectionClosedOK, trio.EndOfChannel)


@pytest.mark.parametrize("policy", [Overflow.DROP_OLDEST, Overflow.DROP_NEWEST])
async def test_a_notice_that_fails_is_logged_and_harms_nobody(autojump_clock, caplog, policy):
    app = App(Config(limits=SMALL))

    @app.websocket("/join")
    async def join(ws):
        async with app.room("lobby").join(ws, overflow=policy, missed_notice=lambda missed: 1 / 0):
            await ws.receive()
            await ws.flush()
            await app.room("lobby").publish("last")

    async with open_client(app, raise_errors=False) as client:
        slow = RawPeer(client.open_stream())
        await slow.open("/join")
        await settled()
        room = app.room("lobby")
        await stuff(room)
        for number in range(10):
            await room.publish(f"news {number}")
        await slow.send_text("reading now")
        while (frame := await slow.receive_frame()).payload != b"last":
            assert frame.opcode != 8
        async with client.websocket("/join"):
            pass
    assert "missed_notice failed" in caplog.text
