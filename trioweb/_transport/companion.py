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
    the block raises comes out bare, without the group of a nursery around it. So does what the
    companion raises, which cancels the block; if both fail, the block is heard.
    """
    failure: Exception | None = None
    companion_failures: list[Exception] = []
    try:
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as scope:
                nursery.start_soon(_accompany, companion, scope, companion_failures, name=name)
                try:
                    yield scope
                except Exception as error:
                    failure = error
            nursery.cancel_scope.cancel(reason="the block has ended")
    finally:
        if companion_failures:
            failure = companion_failures[0] if failure is None else failure
            companion_failures.clear()
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


async def _accompany(
    companion: Callable[[trio.CancelScope], Awaitable[None]],
    block: trio.CancelScope,
    failures: list[Exception],
) -> None:
    try:
        await companion(block)
    except Exception as error:
        failures.append(error)
        block.cancel(reason="its companion failed")
