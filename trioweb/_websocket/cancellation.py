"""Whether the current task is cancelled, checked at every message."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import trio
from trio.lowlevel import current_task


def _by_status() -> bool:
    return current_task()._cancel_status.effectively_cancelled  # noqa: SLF001 - see below


def _by_deadline() -> bool:
    return trio.current_effective_deadline() == -inf


def _quickest() -> Callable[[], bool]:
    # `checkpoint_if_cancelled` is a coroutine. Called twice for each message, it would cost more
    # than decoding the message. The attribute that it reads is private. If Trio ever moves it,
    # the effective deadline is a public way to the same result.
    fields = getattr(trio.lowlevel.Task, "__slots__", ())
    return _by_status if "_cancel_status" in fields else _by_deadline


is_cancelled: Callable[[], bool] = _quickest()
"""Return whether the next checkpoint of the current task would raise `trio.Cancelled`."""
