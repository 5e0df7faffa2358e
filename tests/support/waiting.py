"""Waiting for a condition that has no event, such as a counter of the server."""

from __future__ import annotations

import trio


async def until(condition, seconds=10):
    """Return once `condition()` holds; raise `trio.TooSlowError` if it never does."""
    with trio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110 - the one place where a test polls
            await trio.sleep(0.001)
