"""A task beside a block: which one ends the other, and the exception that results."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from trioweb._transport.companion import accompanied


async def sleep_beside(block):
    await trio.sleep_forever()


async def test_the_companion_ends_with_the_block():
    ended = []

    async def companion(block):
        try:
            await trio.sleep_forever()
        finally:
            ended.append(True)

    async with accompanied(companion, "companion") as scope:
        await trio.testing.wait_all_tasks_blocked()
    assert ended == [True]
    assert not scope.cancelled_caught


async def test_the_companion_may_end_the_block():
    async def companion(block):
        block.cancel()

    async with accompanied(companion, "companion") as scope:
        await trio.sleep_forever()
    assert scope.cancelled_caught


async def test_an_exception_of_the_block_is_raised_without_a_group():
    with pytest.raises(KeyError, match="bare"):
        async with accompanied(sleep_beside, "companion"):
            raise KeyError("bare")


async def test_a_failure_is_not_hidden_by_a_cancellation_that_comes_with_it():
    with trio.CancelScope() as outer, pytest.raises(KeyError, match="bare"):
        async with accompanied(sleep_beside, "companion"):
            outer.cancel()
            raise KeyError("bare")


async def test_a_cancellation_from_outside_passes_through():
    with trio.CancelScope() as outer:
        async with accompanied(sleep_beside, "companion") as scope:
            outer.cancel()
            await trio.sleep_forever()
    assert outer.cancelled_caught
    assert not scope.cancelled_caught


async def fail_beside(block):
    raise ValueError("a bug")


async def test_a_companion_that_fails_ends_the_block_with_its_error():
    with pytest.raises(ValueError, match="a bug"):
        async with accompanied(fail_beside, "companion"):
            await trio.sleep_forever()


async def test_the_error_of_a_companion_is_raised_at_the_end_of_a_block_that_never_waits():
    async def fail_at_once(block):
        block.cancel()
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        async with accompanied(fail_at_once, "companion"):
            pass


async def test_of_two_failures_that_of_the_block_is_raised():
    with pytest.raises(KeyError, match="bare"):
        async with accompanied(fail_beside, "companion"):
            try:
                await trio.sleep_forever()
            finally:
                raise KeyError("bare")
