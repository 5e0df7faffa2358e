"""Failures of a program that the server survives: they are logged, or go to a listener.

A server answers with 500 or 1011 and goes on, so a test sees only a status, and the exception is in a log. The test
kit raises it in the test instead. It could not take it from the log: a record is text with an exception beside it, a
program may filter records, and nobody could tell to which connection one belongs.

The listener is a context variable. A task inherits the variables of the task that starts it, so everything that a
server runs sees the listener of the task that started the server. Two servers in one process have two listeners, a server
without one pays nothing, and no object has to carry it to the four places where an exception ends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar

from trioweb.exception_groups import bare

FailureListener = Callable[[Exception], None]

_listener: ContextVar[FailureListener | None] = ContextVar("trioweb failure listener", default=None)


def listen_for_failures(listener: FailureListener) -> None:
    """Give each failure to `listener` in place of the log, bare of groups, in this task and in those that it starts from now on.

    Args:
        listener: Is called in the task that failed. Must not raise.
    """
    _listener.set(listener)


def tell_failure(error: Exception) -> bool:
    """Tell whoever listens of a failure, and return whether anybody does."""
    listener = _listener.get()
    if listener is not None:
        listener(bare(error))
    return listener is not None


def log_failure(logger: logging.Logger, text: str, *arguments: object, error: Exception) -> None:
    """Log a failure of the program with its traceback, unless a listener takes it.

    Args:
        logger: Makes the record.
        text: Says where it happened.
        arguments: For `text`.
        error: The exception, which goes no further than here.
    """
    if not tell_failure(error):
        logger.error(text, *arguments, exc_info=error, stacklevel=2)
