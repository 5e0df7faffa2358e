"""A task beside a block, for as long as the block lasts.

A nursery alone would not do. It wraps what the block raises in an `ExceptionGroup`, so a handler's
`HTTPError` would have to be dug out of it, and a caller could no longer write `except HTTPError`. Here
the companion never raises into the nursery: it writes down its failure and cancels the block. The block's
own exception is caught before the nursery sees it and raised again after the nursery has ended.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio


@asynccontextmanager
async def accompanied(
    companion: Callable[[trio.CancelScope], Awaitable[None]], name: str
) -> AsyncGenerator[trio.CancelScope, None]:
    """Run `companion(scope)` beside a block, until the block ends.

    The scope is the block's: the companion may cancel it, and the caller finds that out from
    `cancelled_caught`. Exceptions of the block come out as they are, without the group of a
    nursery around them. So do those of the companion, which cancel the block. If both fail, the
    block's exception wins: the companion serves the block, and usually fails because of it.
    """
    failure: Exception | None = None
    companion_failures: list[Exception] = []
    try:
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as scope:
                nursery.start_soon(_accompany, companion, scope, companion_failures, name=name)
                try:
                    yield scope
                except Exception as error:  # a cancellation is for the nursery and passes through
                    failure = error
            nursery.cancel_scope.cancel(reason="the block has ended")
    finally:
        if companion_failures:
            failure = companion_failures[0] if failure is None else failure
            companion_failures.clear()
        # Raised even if a cancellation arrived while the companion was ending: a failure must not be
        # hidden by it.
        if failure is not None:
            context = failure.__context__
            try:
                raise failure
            finally:
                # Python would set that cancellation as the context, whose own context is this failure;
                # and the failure's traceback holds this frame, which holds the failure. Both are cycles,
                # which only the garbage collector could free, at some inconvenient time.
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
