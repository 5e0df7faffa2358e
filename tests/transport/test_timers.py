"""Deadlines of many connections in one task."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
import trio.testing

from trioweb._transport.timers import Timers


@asynccontextmanager
async def running(catch_up=None):
    timers = Timers(catch_up)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run)
        yield timers
        nursery.cancel_scope.cancel()


async def test_callbacks_run_on_time_and_in_order_whenever_they_were_scheduled(autojump_clock):
    started, seen = trio.current_time(), []

    def note(name):
        seen.append((name, trio.current_time() - started))

    async with running() as timers:
        timers.call_later(3, partial(note, "late"))
        timers.call_later(1, partial(note, "early"))
        await trio.sleep(2)
        timers.call_later(0.5, partial(note, "between"))
        timers.call_at(started, partial(note, "past"))
        await trio.sleep(5)
    assert seen == [
        ("early", pytest.approx(1)),
        ("past", pytest.approx(2)),
        ("between", pytest.approx(2.5)),
        ("late", pytest.approx(3)),
    ]


async def test_a_cancelled_callback_never_runs(autojump_clock):
    seen = []
    async with running() as timers:
        timer = timers.call_later(1, partial(seen.append, "never"))
        timers.call_later(2, partial(seen.append, "always"))
        timer.cancel()
        timer.cancel()
        await trio.sleep(3)
    assert seen == ["always"]


async def test_a_callback_that_fails_is_logged_and_delays_no_other(autojump_clock, caplog):
    seen = []
    async with running() as timers:
        timers.call_later(1, lambda: seen[7])
        timers.call_later(1, partial(seen.append, "same moment"))
        timers.call_later(2, partial(seen.append, "later"))
        await trio.sleep(3)
    assert seen == ["same moment", "later"]
    assert "internal error at a deadline" in caplog.text
    assert "IndexError" in caplog.text


async def test_cancelled_callbacks_do_not_take_up_room_for_long(autojump_clock):
    async with running() as timers:
        kept = timers.call_later(1000, lambda: None)
        for _ in range(10_000):
            timers.call_later(1000, lambda: None).cancel()
            assert len(timers._heap) <= 2 * 66
        assert kept in {timer for _, _, timer in timers._heap}


async def test_everything_that_has_arrived_is_read_before_a_verdict(autojump_clock):
    seen, verdicts = [], []

    async def catch_up():
        seen.append("caught up")
        reprieved.cancel()
        await trio.lowlevel.checkpoint()

    async with running(catch_up) as timers:
        timers.call_later(1, partial(seen.append, "called"))
        reprieved = timers.judge_later(1, partial(verdicts.append, "never"))
        timers.judge_later(1, partial(seen.append, "judged"))
        await trio.sleep(2)
    assert seen == ["called", "caught up", "judged"]
    assert not verdicts


async def test_other_tasks_take_what_has_arrived_before_a_verdict(autojump_clock):
    send, receive = trio.open_memory_channel(1)
    async with running() as timers:
        with timers.move_on_after(1) as scope:
            timers.call_later(1, partial(send.send_nowait, "at the last moment"))
            assert await receive.receive() == "at the last moment"
    assert not scope.cancelled_caught


async def test_a_block_is_left_when_its_time_is_over(autojump_clock):
    started = trio.current_time()
    async with running() as timers:
        with timers.move_on_after(3) as scope:
            await trio.sleep_forever()
        assert scope.cancelled_caught
        assert trio.current_time() - started == pytest.approx(3)
        with timers.move_on_after(3) as scope:
            await trio.sleep(1)
        await trio.sleep(5)
        assert not scope.cancel_called


async def test_deadlines_are_put_off_by_the_time_of_a_stall():
    seen, judged = [], trio.Event()

    def judge():
        seen.extend((trio.current_time() - started, timers.now() - started_judging))
        judged.set()

    async with running() as timers:
        started, started_judging = trio.current_time(), timers.now()
        timers.judge_later(0.2, judge)
        await trio.sleep(0.01)
        time.sleep(0.4)  # noqa: ASYNC251 - that is what is tested
        await judged.wait()
    assert seen[0] > 0.59
    assert seen[0] - seen[1] > 0.39


async def test_many_callbacks_due_at_once_let_other_tasks_run(autojump_clock):
    fired, has_begun, turns = [], trio.Event(), []

    def fire():
        fired.append(None)
        has_begun.set()

    async with running() as timers:
        for _ in range(1000):
            timers.call_later(1, fire)
        await has_begun.wait()
        while len(fired) < 1000:
            turns.append(len(fired))
            await trio.lowlevel.checkpoint()
    assert len(turns) >= 2


async def test_looks_are_rare_while_nothing_is_awaited_from_a_peer(autojump_clock):
    async with running() as timers:
        timers.call_later(1000, lambda: None)
        await trio.testing.wait_all_tasks_blocked()
        assert timers._look_at - trio.current_time() == pytest.approx(1000)
        verdict = timers.judge_later(500, lambda: None)
        assert timers._look_at - trio.current_time() < 500 / 10
        verdict.cancel()
        await trio.sleep(100)
        assert timers._look_at - trio.current_time() == pytest.approx(900)


async def test_the_callbacks_that_are_still_to_come_are_listed(autojump_clock):
    def first():
        pass

    def second():
        pass

    async with running() as timers:
        timers.call_later(1, first)
        timers.call_later(2, second)
        timers.call_later(3, first).cancel()
        timers.call_at(float("inf"), first)
        assert sorted(one.__name__ for one in timers.callbacks()) == ["first", "second"]
        await trio.sleep(1.5)
        assert timers.callbacks() == [second]


async def test_deadlines_of_a_program_can_be_seen_apart_from_those_of_peers(autojump_clock):
    def seconds():
        with timers.out_of_sight():
            return trio.lowlevel.current_statistics().seconds_to_next_deadline

    async with running() as timers, trio.open_nursery() as nursery:
        timers.call_later(10, trio.Event().set)
        await trio.testing.wait_all_tasks_blocked()
        assert seconds() == float("inf")
        nursery.start_soon(trio.sleep, 60)
        await trio.testing.wait_all_tasks_blocked()
        assert seconds() == pytest.approx(60)
        assert trio.lowlevel.current_statistics().seconds_to_next_deadline == pytest.approx(10)
        nursery.cancel_scope.cancel()
