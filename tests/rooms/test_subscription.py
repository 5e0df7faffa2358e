"""Subscriptions: what they keep alive, how they end, and the publishers that wait for them."""

from __future__ import annotations

import gc

import pytest
import trio
import trio.testing
from support.waiting import settled

from trioweb import (
    App,
    OutboxFull,
    Overflow,
)


async def test_a_subscription_keeps_the_room_that_nobody_else_holds(autojump_clock):
    app, seen = App(), []

    async def listen():
        async for message in app.room("orders").subscribe():
            seen.append(message)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        await settled()
        for number in range(10):
            await app.room("orders").publish(str(number))
        await settled()
        nursery.cancel_scope.cancel()
    assert seen == [str(number) for number in range(10)]


async def test_an_async_generator_keeps_the_room_that_it_reads(autojump_clock):
    app = App()

    async def shouted():
        async for message in app.room("orders").subscribe():
            yield message.upper()

    seen, generator = [], shouted()
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def read():
            seen.append(await anext(generator))
            seen.append(await anext(generator))

        for message in ("one", "two"):
            await settled()
            gc.collect()
            await app.room("orders").publish(message)
    await generator.aclose()
    gc.collect()
    assert seen == ["ONE", "TWO"]
    assert len(app._rooms) == 0


def test_a_dropped_subscription_releases_its_room():
    app = App()
    subscription = app.room("orders").subscribe()
    gc.collect()
    assert len(app._rooms) == 1
    del subscription
    gc.collect()
    assert len(app._rooms) == 0


async def test_a_closed_subscription_releases_its_room_and_returns_waiting_messages():
    app = App()
    subscription = app.room("orders").subscribe()
    await app.room("orders").publish("one")
    assert app.room("orders").statistics().subscriptions == 1
    subscription.close()
    gc.collect()
    assert len(app._rooms) == 0
    assert [message async for message in subscription] == ["one"]
    assert app.room("orders").statistics().subscriptions == 0


async def test_a_subscription_that_was_too_slow_releases_its_room():
    app = App()
    subscription = app.room("orders").subscribe(most_messages=1)
    for message in ("one", "too much"):
        await app.room("orders").publish(message)
    gc.collect()
    assert len(app._rooms) == 0
    with pytest.raises(OutboxFull):
        await anext(subscription, None), await anext(subscription, None)


async def test_a_publisher_lets_others_run_among_many_subscriptions():
    room, passes = App().room("orders"), []
    subscriptions = [room.subscribe() for _ in range(1000)]
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def run_beside():
            while True:
                await trio.lowlevel.checkpoint()
                passes.append(None)

        await trio.lowlevel.checkpoint()
        del passes[:]
        await room.publish("one")
        assert len(passes) > 10
        nursery.cancel_scope.cancel()
    for subscription in subscriptions:
        assert await anext(subscription) == "one"


# Publishers that wait.


async def full(room):
    """Subscribe with room for one message, and fill it."""
    subscription = room.subscribe(overflow=Overflow.WAIT, most_messages=1)
    await room.publish("0")
    return subscription


async def test_a_message_that_a_cancelled_publisher_did_not_deliver_is_missed(autojump_clock):
    room = App().room("orders")
    subscription = await full(room)
    for _ in range(2):
        with trio.move_on_after(1) as patience:
            await room.publish("lost")
        assert patience.cancelled_caught
    assert subscription.missed == room.statistics().drops == 2
    subscription.close()
    assert [message async for message in subscription] == ["0"]


async def test_a_publisher_cancelled_midway_has_reached_everyone_that_never_waits(autojump_clock):
    room = App().room("orders")
    waiting = await full(room)
    others = [room.subscribe(overflow=Overflow.DROP_OLDEST) for _ in range(200)]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(room.publish, "1")
        before = room.statistics().delivered
        while room.statistics().delivered == before:
            await trio.lowlevel.checkpoint()
        assert room.statistics().delivered < before + len(others), "it is still at it"
        nursery.cancel_scope.cancel()
    assert [await anext(subscription) for subscription in others] == ["1"] * len(others)
    assert waiting.missed == 1


async def test_no_publisher_overtakes_a_waiting_one():
    room = App().room("orders")
    subscription = await full(room)
    seen = []

    async def read():
        seen.extend([await anext(subscription) for _ in range(4)])

    async with trio.open_nursery() as nursery:
        for number in (1, 2, 3):
            nursery.start_soon(room.publish, str(number))
            await settled()
        seen.append(await anext(subscription))
        nursery.start_soon(read)
        await room.publish("4")  # there is space just now, but three publishers came earlier
    assert seen == ["0", "1", "2", "3", "4"]


async def test_all_waiting_publishers_continue_when_the_subscription_is_closed():
    room = App().room("orders")
    subscription = await full(room)
    async with trio.open_nursery() as nursery:
        for number in range(1, 4):
            nursery.start_soon(room.publish, str(number))
        await settled()
        assert len(nursery.child_tasks) == 3
        subscription.close()
    assert [message async for message in subscription] == ["0"]
    assert subscription.missed == 0, "it had left"


async def test_a_waiting_publisher_continues_when_the_subscription_is_dropped():
    room = App().room("orders")
    subscription = await full(room)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(room.publish, "1")
        await settled()
        assert nursery.child_tasks
        del subscription
        gc.collect()


async def test_a_waiting_publisher_continues_when_another_thread_collects_the_subscription():
    room = App().room("orders")
    cycle = [await full(room)]
    cycle.append(cycle)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(room.publish, "1")
        await settled()
        assert nursery.child_tasks
        gc.disable()
        try:
            del cycle
            await trio.to_thread.run_sync(gc.collect)
        finally:
            gc.enable()


async def test_a_publisher_that_is_cancelled_after_the_subscription_is_gone_harms_nobody():
    room = App().room("orders")
    subscription = await full(room)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(room.publish, "1")
        await settled()
        del subscription
        gc.collect()
        nursery.cancel_scope.cancel()
    assert room.statistics().drops == 0


async def test_a_subscription_that_is_closed_right_after_a_message_was_taken_takes_no_more():
    room = App().room("orders")
    subscription = await full(room)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(room.publish, "1")
        await settled()
        assert await anext(subscription) == "0"
        subscription.close()  # the publisher knows of the space, and has not run yet
        subscription.close()
    assert [message async for message in subscription] == []


async def test_a_subscription_that_left_meanwhile_does_not_miss_the_message():
    room = App().room("orders")
    subscription = await full(room)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(room.publish, "1")
        await settled()
        nursery.cancel_scope.cancel()
        subscription.close()
    assert subscription.missed == 0


async def test_no_publisher_waits_for_a_subscription_dropped_during_delivery():
    room = App().room("orders")
    others = [room.subscribe() for _ in range(200)]
    waiting = await full(room)
    before = room.statistics().delivered
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(room.publish, "1")
            while room.statistics().delivered == before:
                await trio.lowlevel.checkpoint()
            assert room.statistics().delivered < before + len(others), "it is still at it"
            del waiting
            gc.collect()
    assert [[await anext(one), await anext(one)] for one in others] == [["0", "1"]] * len(others)


async def test_programs_subscribe_without_a_websocket():
    app = App()
    room = app.room("lobby")
    seen = []

    async def listen(task_status):
        subscription = room.subscribe()
        task_status.started()
        async for message in subscription:
            seen.append(message)
            if message == "end":
                return

    async with trio.open_nursery() as nursery:
        await nursery.start(listen)
        for message in ("one", b"two", "end", "late"):
            await room.publish(message)
    gc.collect()
    assert seen == ["one", b"two", "end"]
    assert room.statistics().subscriptions == 0


async def test_a_subscription_overflows_as_its_policy_says():
    app = App()
    room = app.room("lobby")
    oldest = room.subscribe(overflow=Overflow.DROP_OLDEST, most_messages=2)
    newest = room.subscribe(overflow=Overflow.DROP_NEWEST, most_messages=2)
    latest = room.subscribe(overflow=Overflow.LATEST, most_messages=2)
    closing = room.subscribe(most_messages=2)
    for number in range(4):
        await room.publish(str(number))
    for subscription in (oldest, newest, latest):
        subscription.close()
    assert [message async for message in oldest] == ["2", "3"]
    assert [message async for message in newest] == ["0", "1"]
    assert [message async for message in latest] == ["3"]
    assert [await anext(closing), await anext(closing)] == ["0", "1"]
    with pytest.raises(OutboxFull):
        await anext(closing)
    assert (oldest.missed, newest.missed, latest.missed) == (2, 2, 3)


async def test_a_waiting_subscription_holds_the_publisher():
    room = App().room("lobby")
    with room.subscribe(overflow=Overflow.WAIT, most_messages=1) as subscription:
        await room.publish("one")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(room.publish, "two")
            await trio.testing.wait_all_tasks_blocked()
            assert room.statistics().delivered == 2
            assert await anext(subscription) == "one"
            assert await anext(subscription) == "two"
