"""Writes that are put off to the next pass of the scheduler."""

from __future__ import annotations

import weakref
from collections import Counter
from functools import partial

import trio
import trio.testing

from trioweb._transport.flusher import TURNS_PER_PASS, Flusher


async def test_work_that_is_put_off_is_done_in_the_next_pass_in_order():
    flusher, seen = Flusher(), []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(flusher.run)
        await trio.testing.wait_all_tasks_blocked()
        pass_number = flusher.pass_number
        for name in ("one", "two"):
            flusher.put_off(partial(seen.append, name))
        assert seen == []
        await trio.testing.wait_all_tasks_blocked()
        assert seen == ["one", "two"]
        assert flusher.pass_number == pass_number + 1
        nursery.cancel_scope.cancel()


async def test_work_put_off_before_the_task_runs_is_not_forgotten():
    flusher, seen = Flusher(), []
    flusher.put_off(partial(seen.append, "early"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(flusher.run)
        await trio.testing.wait_all_tasks_blocked()
        flusher.put_off(partial(seen.append, "late"))
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert seen == ["early", "late"]


async def test_a_piece_of_work_that_fails_is_logged_and_the_others_are_done(caplog):
    flusher, seen = Flusher(), []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(flusher.run)
        await trio.testing.wait_all_tasks_blocked()
        flusher.put_off(lambda: seen[7])
        flusher.put_off(partial(seen.append, "other"))
        await trio.testing.wait_all_tasks_blocked()
        flusher.put_off(partial(seen.append, "later"))
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert seen == ["other", "later"]
    assert "internal error while writing" in caplog.text


async def test_flushed_objects_are_released_even_if_nothing_follows():
    class Connection:
        def flush(self):
            pass

    flusher, ended = Flusher(), []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(flusher.run)
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(3):
            connection = Connection()
            flusher.put_off(connection.flush)
            ended.append(weakref.ref(connection))
        del connection
        await trio.testing.wait_all_tasks_blocked()
        assert [one() for one in ended] == [None, None, None]
        nursery.cancel_scope.cancel()


async def test_a_few_of_the_waiting_tasks_have_their_turn_in_each_pass():
    flusher, seen, passes = Flusher(), [], []

    def work(number):
        seen.append(number)
        passes.append(flusher.pass_number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(flusher.run)
        for number in range(20):
            flusher.take_turn(partial(work, number))
        await flusher.turn()
        nursery.cancel_scope.cancel()
    assert seen == list(range(20))
    assert set(Counter(passes).values()) == {TURNS_PER_PASS}


async def test_a_cancelled_task_no_longer_needs_its_turn():
    flusher = Flusher()
    async with trio.open_nursery() as nursery:
        with trio.move_on_after(0):
            await flusher.turn()
        nursery.start_soon(flusher.run)
        await flusher.turn()
        nursery.cancel_scope.cancel()
