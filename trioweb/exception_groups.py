"""Takes exceptions out of the groups in which nurseries wrap them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast


def leaf_exceptions(error: BaseException) -> list[BaseException]:
    """Return the exceptions in a group, however deeply nested; a list of one for any other exception."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    group = cast("BaseExceptionGroup[BaseException]", error)
    return [leaf for child in group.exceptions for leaf in leaf_exceptions(child)]


def bare(error: Exception) -> Exception:
    """Return the only exception in a group; any other exception or group unchanged."""
    only, *others = leaf_exceptions(error)
    return error if others or not isinstance(only, Exception) else only


@contextmanager
def bare_exceptions() -> Iterator[None]:
    """Raise a single exception without the groups around it. Several stay in their group."""
    try:
        yield
    except BaseExceptionGroup as group:
        only, *others = leaf_exceptions(group)
        if others:
            raise
        raise only from only.__cause__
