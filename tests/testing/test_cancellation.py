"""Cancelling a scenario at each checkpoint in turn."""

from __future__ import annotations

import pytest
import trio
import trio.testing

import trioweb
from trioweb.testing import RawPeer, check_cancellation


async def three_checkpoints():
    await trio.sleep(1)
    await trio.lowlevel.checkpoint()
    await trio.lowlevel.cancel_shielded_checkpoint()


async def test_a_good_scenario_passes_and_its_checkpoints_are_counted(autojump_clock):
    assert await check_cancellation(three_checkpoints) == 3


async def test_a_scenario_without_a_checkpoint_cannot_be_cancelled(autojump_clock):
    async def nothing():
        pass

    assert await check_cancellation(nothing) == 0


async def test_each_checkpoint_is_cancelled_while_it_waits_and_after_it(autojump_clock):
    """A wait that a cancellation cuts short, one that is over, and none at all."""
    ends = []

    async def scenario():
        ends.append("at the start")
        await trio.testing.wait_all_tasks_blocked()
        ends[-1] = "after the first"
        await trio.testing.wait_all_tasks_blocked()
        ends[-1] = "after the second"
        await trio.lowlevel.checkpoint()
        ends[-1] = "at the end"

    assert await check_cancellation(scenario) == 3
    undisturbed, *cancelled = ends
    assert undisturbed == "at the end"
    assert cancelled == [
        *["at the start"] * 2,
        *["after the first"] * 2,
        *["after the second"] * 2,
        "at the end",
    ]


async def test_each_run_begins_from_the_start_in_tasks_of_its_own(autojump_clock):
    begun = []

    async def scenario():
        begun.append(trio.lowlevel.current_task())
        await trio.sleep(1)

    await check_cancellation(scenario)
    assert len(begun) == len(set(begun)) == 4


@pytest.mark.parametrize("wait", [trio.lowlevel.checkpoint, trio.testing.wait_all_tasks_blocked])
async def test_a_swallowed_cancellation_is_reported_with_its_line(autojump_clock, wait):
    async def scenario():
        try:
            await wait()  # the guilty line
        except BaseException:
            pass

    place = (
        r"raised at .*test_cancellation\.py:\d+ in scenario: await wait\(\)  # the guilty line\n.*swallowed"
    )
    with pytest.raises(AssertionError, match=place):
        await check_cancellation(scenario)


async def test_a_cancellation_that_is_swallowed_on_entry_is_noticed(autojump_clock):
    send, receive = trio.open_memory_channel(10)

    async def scenario():
        await trio.lowlevel.cancel_shielded_checkpoint()
        try:
            await send.send(1)
        except trio.Cancelled:
            pass

    with pytest.raises(AssertionError, match="swallowed"):
        await check_cancellation(scenario)
    receive.close()


async def test_an_exception_in_the_place_of_the_cancellation_is_reported(autojump_clock):
    async def scenario():
        try:
            await trio.sleep(1)
        except trio.Cancelled:
            raise LookupError("a bug in the clean-up") from None

    with pytest.raises(AssertionError, match=r"in place of trio\.Cancelled") as raised:
        await check_cancellation(scenario)
    assert isinstance(raised.value.__cause__, LookupError)


async def test_a_clean_up_that_waits_without_end_is_reported_and_ended(autojump_clock):
    async def scenario():
        try:
            await trio.sleep(1)
        finally:
            with trio.CancelScope(shield=True):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(trio.sleep, 1)
                    with trio.CancelScope(shield=True):
                        await trio.sleep(1000)

    with pytest.raises(AssertionError, match=r"had not ended after 15 s, and was at .*sleep") as raised:
        await check_cancellation(scenario)
    assert "shield without a deadline" in str(raised.value)


async def test_a_clean_up_with_a_deadline_passes(autojump_clock):
    async def scenario():
        try:
            await trio.sleep(1)
        finally:
            with trio.move_on_after(3, shield=True):
                await trio.sleep_forever()

    assert await check_cancellation(scenario) == 2


async def test_a_scope_of_the_scenarios_own_is_not_mistaken_for_a_swallowed_one(autojump_clock):
    async def scenario():
        with trio.move_on_after(1):
            await trio.sleep_forever()
        near, far = trio.testing.memory_stream_pair()
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(near)
            await trio.aclose_forcefully(far)

    assert await check_cancellation(scenario) > 2


async def test_tasks_in_the_scenarios_nurseries_count(autojump_clock):
    async def scenario():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(three_checkpoints)
            nursery.start_soon(swallowing)

    async def swallowing():
        try:
            await trio.sleep(2)
        except trio.Cancelled:
            raise ValueError("a child's") from None

    with pytest.raises(AssertionError, match="a child's"):
        await check_cancellation(scenario)


async def test_a_task_that_is_left_elsewhere_is_reported(autojump_clock, nursery):
    async def forgotten():
        await trio.sleep(100)

    async def scenario():
        nursery.start_soon(forgotten)
        await trio.sleep(1)

    with pytest.raises(AssertionError, match=r"left tasks behind: .*forgotten"):
        await check_cancellation(scenario)
    nursery.cancel_scope.cancel()


async def test_a_task_elsewhere_that_ends_soon_is_waited_for(autojump_clock, nursery):
    async def scenario():
        nursery.start_soon(trio.sleep, 3)
        await trio.sleep(1)

    assert await check_cancellation(scenario) == 1


async def test_a_scenario_that_fails_by_itself_raises_its_own_exception(autojump_clock):
    async def scenario():
        await trio.sleep(1)
        raise LookupError("no tea")

    with pytest.raises(LookupError, match="no tea") as raised:
        await check_cancellation(scenario)
    assert "had not been cancelled" in raised.value.__notes__[0]


async def test_a_coroutine_in_place_of_a_function_is_explained():
    with pytest.raises(TypeError, match="leave out the parentheses"):
        await check_cancellation(three_checkpoints())


async def test_too_many_checkpoints_are_reported(autojump_clock):
    with pytest.raises(AssertionError, match="has 3 checkpoints, and most_checkpoints is 2"):
        await check_cancellation(three_checkpoints, most_checkpoints=2)


async def test_tasks_run_in_the_same_order_each_time_and_by_chance_afterwards(autojump_clock):
    orders = []

    async def scenario():
        order = []
        orders.append(order)
        async with trio.open_nursery() as nursery:
            for number in range(2):
                nursery.start_soon(note, order, number)

    async def note(order, number):
        for _ in range(8):
            order.append(number)
            await trio.lowlevel.checkpoint()

    dice = trio._core._run._r
    undisturbed = set()
    for seed in range(4):
        dice.seed(seed)
        before = dice.getstate()
        await check_cancellation(scenario)
        assert dice.getstate() == before
        undisturbed.add(tuple(orders[0]))
        orders.clear()
    assert len(undisturbed) == 1


async def test_cancelling_the_check_itself_ends_it(autojump_clock):
    with trio.move_on_after(5) as scope:
        await check_cancellation(trio.sleep_forever)
    assert scope.cancelled_caught
    assert not [one for one in trio.lowlevel.current_task().parent_nursery.child_tasks if "run" in one.name]


async def test_a_conversation_with_a_server_can_be_cancelled_anywhere(autojump_clock):
    app = trioweb.App()

    @app.websocket("/")
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    async def scenario():
        near, far = trio.testing.memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trioweb.serve_stream, app, far)
            peer = RawPeer(near)
            await peer.open()
            await peer.send_text("tea")
            assert await peer.receive_text() == "tea"
            await peer.close()

    assert await check_cancellation(scenario) > 10
