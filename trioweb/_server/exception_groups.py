"""Taking exceptions out of the groups that nurseries wrap around them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast


def leaves(error: BaseException) -> list[BaseException]:
    """Return the exceptions in a group, however deep; of anything else, itself."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    group = cast("BaseExceptionGroup[BaseException]", error)
    return [leaf for child in group.exceptions for leaf in leaves(child)]


@contextmanager
def bare_exceptions() -> Iterator[None]:
    """Raise a single exception without the groups around it; several stay a group."""
    try:
        yield
    except BaseExceptionGroup as group:
        only, *others = leaves(group)
        if others:
            raise
        raise only from only.__cause__
