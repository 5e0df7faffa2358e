"""Running async tests without a plugin: with `unittest`, or in a script."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio
import trio.testing

TestResultT = TypeVar("TestResultT")


def run_test(
    async_fn: Callable[..., Awaitable[TestResultT]], *args: object, autojump: bool = True
) -> TestResultT:
    """Run an async function under Trio until it returns, and return its result: `run_test(self.check_chat)`.

    Args:
        async_fn: The test.
        args: Its arguments.
        autojump: Whether the clock jumps over waiting, so that sleeping for an hour takes no time. Switch it off for
            tests that use sockets, threads or processes, which a virtual clock does not wait for.

    Raises:
        Exception: The test failed; its exception comes out as it is.
    """
    clock = trio.testing.MockClock(autojump_threshold=0) if autojump else None
    return trio.run(async_fn, *args, clock=clock)
