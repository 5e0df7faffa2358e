"""Whatever happens to publishers and readers, a member gets each message, or a notice in its place."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st
from support.slow_member import Slow
from support.waiting import settled

from trioweb import OutboxFull, Overflow
from trioweb.testing import TEXT

NOTICE = "missing: "

ACTIONS = st.one_of(
    st.tuples(st.just("publish"), st.integers(1, 7)),
    st.tuples(st.just("cancel"), st.integers(0, 4)),
    st.tuples(st.just("read"), st.integers(1, 4)),
    st.tuples(st.just("send"), st.just(0)),
    st.tuples(st.just("send_nowait"), st.just(0)),
)


class Story:
    """One member, its peer, and publishers that may give up; the messages are numbers."""

    def __init__(self, policy, nursery):
        self.slow = Slow(overflow=policy, missed_notice=lambda missed: f"{NOTICE}{missed}")
        self.nursery = nursery
        self.published = 0
        self.publishers = {}
        self.texts = []

    async def run(self, actions):
        async with self.slow.serve() as peer:
            self.peer = peer
            await peer.open()
            await settled()
            for action, number in actions:
                await getattr(self, action)(number)
                await settled()
            await self.read(1000)  # all there is
            (member,) = self.slow.members
            self.drops = {
                member.missed,
                self.slow.room.statistics().drops,
                self.slow.ws.outbox.statistics().drops,
            }
            await peer.send_text("bye")

    async def publish(self, count):
        for _ in range(count):
            self.nursery.start_soon(self.publish_one, self.published)
            self.published += 1
            await settled()

    async def publish_one(self, number):
        with trio.CancelScope() as patience:
            self.publishers[number] = patience
            await self.slow.room.publish(str(number))
        del self.publishers[number]

    async def cancel(self, which):
        for patience in list(self.publishers.values())[which : which + 1]:
            patience.cancel()

    async def read(self, count):
        with trio.move_on_after(1):
            for _ in range(count):
                got = await self.peer.receive_frame()
                if got.opcode == TEXT:
                    self.texts.append(got.payload.decode())
                await settled()

    async def send(self, _):
        self.nursery.start_soon(self.slow.ws.send, b"of the handler")

    async def send_nowait(self, _):
        try:
            self.slow.ws.send_nowait(b"of the handler")
        except OutboxFull:
            pass


def check(policy, actions):
    async def tell():
        async with trio.open_nursery() as nursery:
            story = Story(policy, nursery)
            await story.run(actions)
        return story

    story = trio.run(tell, clock=trio.testing.MockClock(autojump_threshold=0))
    number = missing = 0
    for text in story.texts:
        if text.startswith(NOTICE):
            missing += int(text.removeprefix(NOTICE))
            number += int(text.removeprefix(NOTICE))
        else:
            assert int(text) == number
            number += 1
    assert number == story.published
    assert story.drops == {missing}


@pytest.mark.parametrize("policy", [Overflow.WAIT, Overflow.DROP_NEWEST, Overflow.DROP_OLDEST])
@given(actions=st.lists(ACTIONS, max_size=40))
def test_each_message_arrives_in_order_or_is_marked_as_missing_in_its_place(policy, actions):
    check(policy, actions)


def test_a_waiting_message_that_is_joined_with_two_gaps_is_not_let_in_meanwhile():
    before = [
        ("send_nowait", 0),
        ("send_nowait", 0),
        ("publish", 7),
        ("send", 0),
        ("publish", 2),
        ("send", 0),
    ]
    give_up = [
        ("publish", 5),
        ("read", 3),
        ("cancel", 2),
        ("cancel", 3),
        ("send", 0),
        ("read", 3),
        ("cancel", 0),
    ]
    check(Overflow.WAIT, before + give_up)
