"""Waiting without an event: until nothing can happen any more, or for something such as a counter of the server."""

from __future__ import annotations

import trio
import trio.testing


async def settled(quiet_seconds=0.0):
    """Let everything happen that waits for nothing from outside, for this long at least. Over sockets use `until`."""
    await trio.testing.wait_all_tasks_blocked(quiet_seconds)


async def until(condition, seconds=10):
    """Return once `condition()` holds; raise `trio.TooSlowError` if it never does."""
    with trio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110 - the one place where a test polls
            await trio.sleep(0.001)
