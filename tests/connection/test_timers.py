"""Deadlines of many connections in one task."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from trioweb._connection.timers import Timers


@asynccontextmanager
async def running():
    timers = Timers()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run)
        yield timers
        nursery.cancel_scope.cancel()


async def test_callbacks_come_at_their_time_in_order_whenever_they_were_asked_for(autojump_clock):
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


async def test_a_cancelled_one_never_comes(autojump_clock):
    seen = []
    async with running() as timers:
        timer = timers.call_later(1, partial(seen.append, "never"))
        timers.call_later(2, partial(seen.append, "always"))
        timer.cancel()
        timer.cancel()
        await trio.sleep(3)
    assert seen == ["always"]


async def test_one_that_fails_is_logged_and_keeps_nobody_from_theirs(autojump_clock, caplog):
    seen = []
    async with running() as timers:
        timers.call_later(1, lambda: seen[7])
        timers.call_later(1, partial(seen.append, "same moment"))
        timers.call_later(2, partial(seen.append, "later"))
        await trio.sleep(3)
    assert seen == ["same moment", "later"]
    assert "internal error at a deadline" in caplog.text
    assert "IndexError" in caplog.text


async def test_cancelled_ones_take_no_room_for_long(autojump_clock):
    async with running() as timers:
        kept = timers.call_later(1000, lambda: None)
        for _ in range(10_000):
            timers.call_later(1000, lambda: None).cancel()
            assert len(timers._heap) <= 2 * 66
        assert kept in {timer for _, _, timer in timers._heap}
