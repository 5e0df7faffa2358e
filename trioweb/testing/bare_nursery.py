"""A nursery beside a block of a test, whose exceptions come out as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


@asynccontextmanager
async def bare_nursery() -> AsyncIterator[trio.Nursery]:
    """Open a nursery, and take a single exception out of the group in which the nursery puts it.

    A test may write `pytest.raises(ValueError)` around the block, and use `pytest.fail` in it. Only the nursery's
    own group is opened: one that the block has raised stays as it is. Several exceptions stay in the
    group, since each of them says something.
    """
    only: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            yield nursery
    except BaseExceptionGroup as group:
        first, *others = group.exceptions
        if others:
            raise
        only = first
    if only is not None:
        # Outside of the `except`, or the group would become its context.
        raise only
