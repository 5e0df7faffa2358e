"""A nursery beside a block of a test, whose exceptions come out as they are.

    what fails                      what comes out
    the block                       its exception, even if that is a group of the test's own
    a task beside it                its exception
    the block and a task            a group of both, since each says something
    a scope around the block        `trio.Cancelled`, as everywhere

`exception_groups.bare_exceptions` is not enough here. It unpacks a group that has one exception, and cannot know
whether Trio or the test has made it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from trioweb.exception_groups import leaf_exceptions


@asynccontextmanager
async def bare_nursery() -> AsyncIterator[trio.Nursery]:
    """Open a nursery that puts no group around a single exception.

    A test may write `pytest.raises(ValueError)` around the block, and use `pytest.fail` in it. The exception of
    the block never goes through the nursery, which would copy a group of the test's own.

    Raises:
        BaseExceptionGroup: Several have failed: the block, or tasks beside it.
    """
    errors: list[BaseException] = []
    try:
        async with trio.open_nursery() as nursery:
            try:
                yield nursery
            except BaseException as error:
                if any(isinstance(leaf, trio.Cancelled) for leaf in leaf_exceptions(error)):
                    raise  # belongs to a scope outside, or to the nursery's own
                errors.append(error)
                nursery.cancel_scope.cancel(reason="the block has failed")
    except trio.Cancelled:
        if not errors:
            raise
    except BaseExceptionGroup as group:
        # A cancellation from outside need not be passed on: it is only asked for again at the next checkpoint.
        _, failures = group.split(trio.Cancelled)
        for failure in () if failures is None else failures.exceptions:
            only, *others = leaf_exceptions(failure)
            errors.append(failure if others else only)
            del failure, only
        if not errors:
            raise
    # Outside of the `except`, or the group would become the context of what is raised.
    try:
        interrupts = (at for at, one in enumerate(errors) if isinstance(one, KeyboardInterrupt | SystemExit))
        if (at := next(interrupts, None)) is not None:
            raise errors[at]  # the rest is only its effect, and nobody looks for these two in a group
        if len(errors) > 1:
            raise BaseExceptionGroup("the block of a test failed, and a task beside it", tuple(errors))
        if errors:
            raise errors[0]
    finally:
        errors.clear()  # the tracebacks lead to this frame: a cycle
