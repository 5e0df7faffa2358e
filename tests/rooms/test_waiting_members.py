"""Members for whom a publisher waits (`Overflow.WAIT`), and how the waiting ends."""

from __future__ import annotations

from functools import partial
from itertools import permutations

import pytest
import trio
from support.slow_member import BLOCK, Slow, texts_until
from support.waiting import settled

from trioweb import Overflow
from trioweb.testing import close_frame


def waiting_member(**joining):
    return Slow(overflow=Overflow.WAIT, missed_notice=lambda missed: f"you missed {missed}", **joining)


async def publish_in_vain(room, message):
    """Publish a message that cannot be delivered, and give up."""
    with trio.move_on_after(1) as patience:
        await room.publish(message)
    assert patience.cancelled_caught


async def read_blocks(peer, count):
    for _ in range(count):
        assert await peer.receive_binary() == BLOCK
        await settled()


async def test_a_message_that_a_cancelled_publisher_did_not_deliver_is_in_every_count(autojump_clock):
    slow = waiting_member()
    async with slow.serve() as peer:
        await peer.open()
        await slow.stuff()
        for number in range(2):
            await publish_in_vain(slow.room, f"lost {number}")
        assert slow.members[0].missed == slow.room.statistics().drops == 2
        assert slow.ws.outbox.statistics().drops == 2
        await read_blocks(peer, 5)
        await slow.room.publish("news")
        await slow.room.publish("last")
        assert await texts_until(peer, "last") == ["you missed 2", "news", "last"]
        await peer.send_text("bye")


async def test_the_notice_waits_for_its_turn_like_any_message(autojump_clock):
    slow = waiting_member()
    async with slow.serve() as peer:
        await peer.open()
        await slow.stuff()
        await publish_in_vain(slow.room, "lost")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(slow.room.publish, "last")
            await settled()
            assert nursery.child_tasks
            assert await texts_until(peer, "last") == ["you missed 1", "last"]
        await peer.send_text("bye")


async def test_a_publisher_that_is_cancelled_while_the_notice_waits_makes_the_gap_longer(autojump_clock):
    slow = waiting_member()
    async with slow.serve() as peer:
        await peer.open()
        await slow.stuff()
        for number in range(3):
            await publish_in_vain(slow.room, f"lost {number}")
        await read_blocks(peer, 5)
        await slow.room.publish("last")
        assert await texts_until(peer, "last") == ["you missed 3", "last"]
        await peer.send_text("bye")


@pytest.mark.parametrize(
    ("impatient", "expected"),
    [
        ({0}, ["you missed 1", "news 1", "news 2", "news 3", "last"]),
        ({1}, ["news 0", "you missed 1", "news 2", "news 3", "last"]),
        ({2}, ["news 0", "news 1", "you missed 1", "news 3", "last"]),
        ({1, 2}, ["news 0", "you missed 2", "news 3", "last"]),
        ({0, 2}, ["you missed 1", "news 1", "you missed 1", "news 3", "last"]),
        ({2, 3}, ["news 0", "news 1", "you missed 2", "last"]),
        ({0, 1, 2, 3}, ["you missed 4", "last"]),
    ],
)
async def test_a_gap_among_waiting_publishers_is_marked_in_its_place(autojump_clock, impatient, expected):
    slow = waiting_member()
    async with slow.serve() as peer:
        await peer.open()
        await slow.stuff()
        async with trio.open_nursery() as nursery:
            for number in range(4):
                publish = partial(publish_in_vain, slow.room) if number in impatient else slow.room.publish
                nursery.start_soon(publish, f"news {number}")
                await settled()
            await trio.sleep(2)
            nursery.start_soon(slow.room.publish, "last")
            await settled()
            assert await texts_until(peer, "last") == expected
        assert slow.members[0].missed == len(impatient)
        await peer.send_text("bye")


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a_gap_stays_one_gap_in_whatever_order_its_publishers_give_up(autojump_clock, order):
    slow = waiting_member()
    async with slow.serve() as peer:
        await peer.open()
        await slow.stuff()
        patience = [trio.CancelScope() for _ in range(3)]

        async def publish(number):
            with patience[number]:
                await slow.room.publish(f"news {number}")

        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(publish, number)
                await settled()
            nursery.start_soon(slow.room.publish, "last")
            await settled()
            for number in order:
                patience[number].cancel()
                await settled()
            assert await texts_until(peer, "last") == ["you missed 3", "last"]
        assert slow.members[0].missed == 3
        await peer.send_text("bye")


async def test_missed_messages_are_only_counted_without_a_notice(autojump_clock):
    slow = Slow(overflow=Overflow.WAIT)
    async with slow.serve() as peer:
        await peer.open()
        await slow.stuff()
        await publish_in_vain(slow.room, "lost")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(slow.room.publish, "last")
            assert await texts_until(peer, "last") == ["last"]
        assert slow.members[0].missed == 1
        await peer.send_text("bye")


# How the waiting ends without a delivery.


class Stubborn(Slow):
    """A member whose handler does not notice that its connection ends."""

    def __init__(self):
        super().__init__(overflow=Overflow.WAIT)
        self.leaves = trio.Event()

    async def handler(self, ws):
        self.ws = ws
        async with self.room.join(ws, **self.joining) as member:
            self.members.append(member)
            await self.leaves.wait()
        await trio.sleep_forever()


async def leave_the_block(slow, peer):
    slow.leaves.set()


async def close_by_the_handler(slow, peer):
    with trio.move_on_after(0):
        await slow.ws.aclose(4001)


async def close_by_the_peer(slow, peer):
    await peer.send(close_frame(1000))


async def break_the_protocol(slow, peer):
    await peer.send(b"\xff" * 10)


async def vanish(slow, peer):
    await peer.stream.aclose()


WAYS = [leave_the_block, close_by_the_handler, close_by_the_peer, break_the_protocol, vanish]


@pytest.mark.parametrize("end", WAYS)
async def test_publishers_continue_at_once_when_the_member_they_wait_for_leaves_or_ends(autojump_clock, end):
    slow = Stubborn()
    async with slow.serve() as peer:
        await peer.open()
        await slow.stuff()
        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(slow.room.publish, f"news {number}")
            await settled()
            assert len(nursery.child_tasks) == 3
            before = trio.current_time()
            await end(slow, peer)
        assert trio.current_time() == before
        assert slow.members[0].missed == 0, "it was no member any more, or had ended"


async def test_no_publisher_waits_for_a_member_that_leaves_during_delivery(autojump_clock):
    slow = Stubborn()
    listeners = [slow.room.subscribe() for _ in range(200)]
    async with slow.serve() as peer:
        await peer.open()
        await slow.stuff()
        before = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(slow.room.publish, "news")
            while not slow.room.statistics().delivered:
                await trio.lowlevel.checkpoint()
            assert slow.room.statistics().delivered < len(listeners)
            slow.leaves.set()
        assert trio.current_time() == before
