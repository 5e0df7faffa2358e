"""The fate of messages that do not fit into a member's outbox, case by case."""

from __future__ import annotations

import gc
import zlib

import pytest
import trio
import trio.testing
from support.serving import in_memory
from support.slow_member import BLOCK, Slow, texts_until
from support.waiting import settled, until

from trioweb import App, Config, Deflate, Limits, Member, OutboxFull, Overflow
from trioweb.rooms import Room
from trioweb.testing import CLOSE, close_frame

OFFER = ("Sec-WebSocket-Extensions", "permessage-deflate")


@pytest.mark.parametrize("policy", [Overflow.DROP_OLDEST, Overflow.LATEST])
async def test_messages_that_the_handler_sent_are_never_dropped_for_the_room(autojump_clock, policy):
    slow = Slow(overflow=policy, missed_notice=lambda missed: f"you missed {missed}")
    async with slow.serve() as peer:
        await peer.open()
        await slow.stuff()
        for number in range(3):
            await slow.room.publish(f"news {number}", key=number)
        assert slow.members[0].missed == 3
        for _ in range(3):
            assert await peer.receive_binary() == BLOCK
            await settled()
        await slow.room.publish("last")
        texts = await texts_until(peer, "last")
        assert texts == ["you missed 3", "last"]
        await peer.send_text("bye")


async def test_the_oldest_messages_are_dropped_silently_without_a_notice(autojump_clock):
    slow = Slow(overflow=Overflow.DROP_OLDEST)
    async with slow.serve() as peer:
        await peer.open()
        slow.ws.send_nowait(BLOCK)
        await settled()
        for number in range(10):
            await slow.room.publish(f"news {number}")
        texts = await texts_until(peer, "news 9")
        assert texts == [f"news {number}" for number in range(10 - len(texts), 10)]
        assert 1 <= len(texts) <= 4
        assert slow.members[0].missed == slow.room.statistics().drops == 10 - len(texts)
        await peer.send_text("bye")


@pytest.mark.parametrize("context_takeover", [False, True])
async def test_dropped_messages_never_reach_the_compressor(autojump_clock, context_takeover):
    slow = Slow(Deflate(minimum_bytes=0, context_takeover=context_takeover), overflow=Overflow.DROP_OLDEST)
    async with slow.serve() as peer:
        await peer.open("/", OFFER)
        slow.ws.send_nowait(BLOCK)
        await settled()
        for number in range(10):
            await slow.room.publish(f"news {number} " * 50)
        inflate, texts = zlib.decompressobj(-15), []
        while not texts or not texts[-1].startswith("news 9"):
            got = await peer.receive_frame()
            assert got.reserved == 4
            if not context_takeover:
                inflate = zlib.decompressobj(-15)
            texts.append(inflate.decompress(got.payload + b"\0\0\xff\xff").decode())
            await settled()
        assert texts[0] == BLOCK.decode()
        assert texts[1:] == [f"news {number} " * 50 for number in range(11 - len(texts), 10)]
        await peer.send_text("bye")


async def test_a_publisher_that_waits_for_a_member_continues_when_it_vanishes(autojump_clock):
    slow = Slow(overflow=Overflow.WAIT)
    async with slow.serve() as peer:
        await peer.open()
        await slow.stuff()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(slow.room.publish, "news")
            await settled()
            assert nursery.child_tasks
            await peer.stream.aclose()
            await until(lambda: not nursery.child_tasks)


async def test_a_websocket_in_the_room_twice_may_be_waited_for_and_too_slow_at_once(autojump_clock):
    app = App(Config(limits=Limits(outbox_messages=4)))
    room, published = app.room("lobby"), []

    @app.websocket("/")
    async def handler(ws):
        async with room.join(ws, overflow=Overflow.WAIT), room.join(ws, overflow=Overflow.CLOSE):
            with pytest.raises(OutboxFull):
                while True:
                    ws.send_nowait(BLOCK)
            published.append(await room.publish("news"))
            await ws.receive()

    async with in_memory(app, pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.open()
        while (got := await peer.receive_frame()).opcode != CLOSE:
            assert got.payload == BLOCK
        assert got.payload[:2] == (1013).to_bytes(2, "big")
        await peer.send(close_frame(1013))
    assert published == [2]


async def test_a_publisher_that_waits_for_a_subscription_continues_when_it_is_closed():
    room = App().room("lobby")
    subscription = room.subscribe(overflow=Overflow.WAIT, most_messages=1)
    await room.publish("one")
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(room.publish, "two")
            await settled()
            subscription.close()
    assert [message async for message in subscription] == ["one"]


async def test_a_subscription_that_waits_is_woken_by_a_message_and_by_its_end():
    room, seen = App().room("lobby"), []

    async def listen():
        async for message in subscription:
            seen.append(message)
        seen.append("end")

    async with trio.open_nursery() as nursery:
        with room.subscribe() as subscription:
            nursery.start_soon(listen)
            await settled()
            await room.publish("one")
            await settled()
            assert seen == ["one"]
        await settled()
    assert seen == ["one", "end"]


async def test_a_subscription_keeps_the_latest_of_each_key():
    room = App().room("lobby")
    subscription = room.subscribe(overflow=Overflow.LATEST)
    for price in range(3):
        for key in ("gold", "silver"):
            await room.publish(f"{key} {price}", key=key)
    subscription.close()
    assert [message async for message in subscription] == ["gold 2", "silver 2"]
    assert subscription.missed == 4


def test_a_room_is_shown_with_its_name_and_members():
    assert repr(Room("lobby")) == "<Room 'lobby' 0 members>"


@pytest.mark.parametrize("policy", [Overflow.DROP_NEWEST, Overflow.DROP_OLDEST, Overflow.LATEST])
async def test_a_gap_is_announced_even_if_nothing_follows_it(autojump_clock, policy):
    slow = Slow(overflow=policy, missed_notice=lambda missed: f"you missed {missed}")
    async with slow.serve() as peer:
        await peer.open()
        await slow.stuff()
        for number in range(3):
            await slow.room.publish(f"news {number}", key=number)
        assert await texts_until(peer, "you missed 3") == ["you missed 3"]
        await slow.room.publish("last")
        assert await texts_until(peer, "last") == ["last"]
        await peer.send_text("bye")


async def test_a_member_that_has_left_gets_no_notice(autojump_clock):
    slow, leaves = Slow(), trio.Event()

    @slow.app.websocket("/leaving")
    async def leaving(ws):
        slow.ws = ws
        notice = lambda missed: f"you missed {missed}"  # noqa: E731
        async with slow.room.join(ws, overflow=Overflow.DROP_NEWEST, missed_notice=notice) as member:
            await leaves.wait()
        await ws.flush()
        await trio.sleep(1)
        await ws.send(f"last: {member.missed}")

    async with slow.serve() as peer:
        await peer.open("/leaving")
        await slow.stuff()
        await slow.room.publish("news")
        leaves.set()
        await settled()
        assert await texts_until(peer, "last: 1") == ["last: 1"]


async def test_a_member_that_has_left_is_released_however_long_its_peer_does_not_read(autojump_clock):
    slow, leaves = Slow(), trio.Event()

    @slow.app.websocket("/leaving")
    async def leaving(ws):
        slow.ws = ws
        async with slow.room.join(ws, overflow=Overflow.DROP_NEWEST, missed_notice=str):
            await leaves.wait()
        await trio.sleep_forever()

    async with slow.serve() as peer:
        await peer.open("/leaving")
        await slow.stuff()
        await slow.room.publish("news")
        leaves.set()
        await settled()
        gc.collect()
        assert slow.ws.outbox.statistics().messages
        assert not [one for one in gc.get_objects() if isinstance(one, Member)]


@pytest.mark.parametrize("listener", ["member", "subscription"])
async def test_messages_that_grow_in_their_places_keep_to_the_bound(autojump_clock, listener):
    """A hundred short messages with a key each fit, but not the long ones that would replace them."""
    app = App(Config(limits=Limits(outbox_bytes=100_000)))
    room, held = app.room("prices", overflow=Overflow.LATEST), []

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        await settled()
        ws.send_nowait(b"x")  # which stays on its way for as long as the peer does not read
        await settled()
        async with room.join(ws):
            await publish_growing()
            held.append(ws.outbox.statistics().high_water_bytes)

    async def publish_growing():
        for size in (10, 5000, 20_000):
            for key in range(100):
                await room.publish(f"{key} ".ljust(size), key=str(key))

    if listener == "member":
        async with in_memory(app, pair=trio.testing.lockstep_stream_pair) as peer:
            await peer.open()
            await until(lambda: held)
            assert held[0] <= 100_000
            texts = await texts_until(peer, "99 ".ljust(20_000))
    else:
        with room.subscribe(most_bytes=100_000) as subscription:
            await publish_growing()
        texts = [text async for text in subscription]
        assert subscription.missed == 300 - len(texts)
    assert [text.split()[0] for text in texts][-4:] == ["96", "97", "98", "99"]
    assert sum(map(len, texts)) <= 100_000
