"""Threads that are left behind close what they open."""

from __future__ import annotations

import threading

import pytest
import trio
import trio.testing

from trioweb._web.files import disk


class Thing:
    def __init__(self) -> None:
        self.closed = threading.Event()

    def close(self) -> None:
        self.closed.set()


class SlowDisk:
    """Opens a thing when it is told to."""

    def __init__(self) -> None:
        self.has_begun = threading.Event()
        self.may_end = threading.Event()
        self.thing = Thing()

    def open(self) -> Thing:
        self.has_begun.set()
        assert self.may_end.wait(20)
        return self.thing


async def begun(slow: SlowDisk) -> None:
    assert await trio.to_thread.run_sync(slow.has_begun.wait, 10)


async def test_a_call_gives_what_the_function_returns_or_raises() -> None:
    assert await disk.call(int, "7") == 7
    with pytest.raises(ValueError, match="invalid literal"):
        await disk.call(int, "x")


async def test_a_call_to_complete_is_waited_for_and_may_ask_whether_it_is_still_wanted() -> None:
    slow = SlowDisk()

    def write() -> None:
        slow.open()
        trio.from_thread.check_cancelled()

    assert await disk.complete(int, "7") == 7
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(disk.complete, write)
            await begun(slow)
            scope.cancel()
            slow.may_end.set()
    assert scope.cancelled_caught


async def test_a_call_to_complete_is_left_behind_if_the_disk_hangs() -> None:
    slow = SlowDisk()
    with trio.fail_after(10), trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(disk.complete, slow.open)
            await begun(slow)
            scope.cancel()
    assert scope.cancelled_caught
    slow.may_end.set()


async def test_a_call_to_complete_does_not_begin_in_a_cancelled_task() -> None:
    slow = SlowDisk()
    with trio.CancelScope() as scope:
        scope.cancel()
        await disk.complete(slow.open)
    assert scope.cancelled_caught
    assert not slow.has_begun.is_set()


async def test_an_opened_file_is_handed_over_open() -> None:
    thing = Thing()
    assert await disk.acquire(lambda: thing) is thing
    assert not thing.closed.is_set()


async def test_an_opening_that_fails_says_so() -> None:
    def fail() -> Thing:
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        await disk.acquire(fail)


async def test_a_file_opened_after_a_cancellation_is_closed() -> None:
    slow = SlowDisk()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(disk.acquire, slow.open)
        await begun(slow)
        nursery.cancel_scope.cancel()
    assert not slow.may_end.is_set(), "the task did not wait for the thread"
    slow.may_end.set()
    assert await trio.to_thread.run_sync(slow.thing.closed.wait, 10)


async def test_a_file_opened_at_the_moment_of_a_cancellation_is_closed() -> None:
    slow = SlowDisk()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(disk.acquire, slow.open)
        await begun(slow)
        slow.may_end.set()
        nursery.cancel_scope.cancel()
    assert await trio.to_thread.run_sync(slow.thing.closed.wait, 10)


def test_an_opened_file_is_closed_whichever_side_comes_last() -> None:
    for steps in (["run", "abandon"], ["abandon", "run"]):
        thing = Thing()
        opening = disk._Opening(lambda thing=thing: thing)
        for step in steps:
            assert not thing.closed.is_set()
            getattr(opening, step)()
        assert thing.closed.is_set()


async def test_a_disk_that_hangs_takes_no_threads_from_others() -> None:
    hanging = [SlowDisk() for _ in range(disk.THREADS + 1)]
    async with trio.open_nursery() as nursery:
        for slow in hanging:
            nursery.start_soon(disk.acquire, slow.open)
        await trio.testing.wait_all_tasks_blocked()
        assert await trio.to_thread.run_sync(int, "7") == 7
        with trio.fail_after(10):
            while sum(slow.has_begun.is_set() for slow in hanging) < disk.THREADS:
                await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    for slow in hanging:
        slow.may_end.set()
    began = [slow for slow in hanging if slow.has_begun.is_set()]
    assert len(began) == disk.THREADS
    for slow in began:
        assert await trio.to_thread.run_sync(slow.thing.closed.wait, 10)
