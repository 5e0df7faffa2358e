"""A task beside a block, for as long as the block lasts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio


@asynccontextmanager
async def accompanied(
    companion: Callable[[trio.CancelScope], Awaitable[None]], name: str
) -> AsyncGenerator[trio.CancelScope, None]:
    """Run `companion(scope)` beside a block, until the block ends.

    The scope is the block's: the companion may cancel it, and `cancelled_caught` tells. What
    the block raises comes out bare, without the group of a nursery around it.
    """
    failure: Exception | None = None
    try:
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as scope:
                nursery.start_soon(companion, scope, name=name)
                try:
                    yield scope
                except Exception as error:
                    failure = error
            nursery.cancel_scope.cancel(reason="the block has ended")
    finally:
        # Also when a cancellation has come while the companion ended: it must not hide a failure.
        if failure is not None:
            context = failure.__context__
            try:
                raise failure
            finally:
                # The context would be that cancellation, and its context the failure; and the
                # failure's traceback leads here: two cycles for the collector.
                failure.__context__ = context
                del failure, context
