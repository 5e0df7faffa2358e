"""The bench that a test's client and its server share: the listener between them, failures, and calls that wait.

Failures are kept with the connection on which they happened until a call on that connection meets them. So in a test of
several clients each exception comes out at the client that caused it, and an `expect_text` of another one can still
succeed. A failure that no call meets is raised when the block of `open_client` ends.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import attrs
import trio

from trioweb.failures import listen_for_failures
from trioweb.testing.memory.listener import MemoryConnection, MemoryListener, served_connection


class Stuck(AssertionError):
    """A wait of a test can never end: every task waits, and nothing is left that could wake one.

    The text says where the test and the application wait, and shows the last frames of each connection that is
    in use. `open_client` says when it is raised.
    """


@attrs.define(eq=False)
class Failure:
    """An exception of the program that the server has survived.

    Attributes:
        error: The exception.
        connection: Where it happened; `None` for what belongs to none.
    """

    error: BaseException
    connection: MemoryConnection | None


@attrs.define(eq=False)
class Wait:
    """A call of the client that has not returned.

    Attributes:
        call: The call, as it is written in a test.
        task: Who called.
        connection: The connection that it is about, as soon as that is known.
        ends_at: When it ends in any case, by a deadline of the test.
        scope: Is cancelled to raise `stuck`.
        stuck: The error to raise in place of the result.
    """

    call: str
    task: trio.lowlevel.Task
    connection: MemoryConnection | None
    ends_at: float
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    stuck: Stuck | None = None


class Bench:
    """Shared by the client, its WebSockets, and the watch for waits that cannot end.

    Args:
        listener: Opens connections to the server.
        raise_errors: Whether failures are kept to be raised.
    """

    def __init__(self, listener: MemoryListener, *, raise_errors: bool) -> None:
        self.listener = listener
        self._raise_errors = raise_errors
        self._failures: list[Failure] = []
        self._waits: list[Wait] = []

    # Failures.

    def listen(self) -> None:
        """Keep the failures of what the current task starts from now on."""
        if self._raise_errors:
            listen_for_failures(self._keep)

    def _keep(self, error: Exception) -> None:
        self._failures.append(Failure(error, served_connection()))

    def server_failed(self, *errors: BaseException) -> None:
        """Keep what the server has raised, unless it is kept as a failure of the lifespan."""
        for error in errors:
            if all(failure.error is not error for failure in self._failures):
                self._failures.append(Failure(error, None))

    def raise_failure(self, connection: MemoryConnection | None) -> None:
        """Raise the first failure that happened on a connection, or on none of them, if there is one."""
        for failure in self._failures:
            if failure.connection is None or failure.connection is connection:
                self._failures.remove(failure)
                _raise_as_it_is(failure.error)

    def raise_failures(self) -> None:
        """Raise what no call has met: one failure as it is, several as a group."""
        errors = [failure.error for failure in self._failures]
        self._failures.clear()
        if len(errors) > 1:
            raise BaseExceptionGroup("several handlers failed, and no call of the client met it", errors)
        if errors:
            _raise_as_it_is(errors[0])

    def mention_failures(self, error: BaseException) -> None:
        """Add what no call has met to an exception of the test, which may well have been caused by it."""
        for failure in self._failures:
            if failure.error is not error:
                text = "".join(traceback.format_exception(failure.error)).rstrip()
                where = failure.connection
                what = "The app" if where is None else f"The handler of {where.label}"
                error.add_note(f"{what} failed as well:\n{text}")
        self._failures.clear()

    # Waits.

    @property
    def waits(self) -> list[Wait]:
        """The calls that wait at the moment, in the order in which they began."""
        return self._waits

    @contextmanager
    def waiting(self, call: str, connection: MemoryConnection | None = None) -> Iterator[Wait]:
        """Let the block count as a call that waits.

        Raises:
            Stuck: It can never end.
        """
        wait = Wait(call, trio.lowlevel.current_task(), connection, trio.current_effective_deadline())
        self._waits.append(wait)
        try:
            with wait.scope:
                yield wait
        finally:
            self._waits.remove(wait)
        if wait.stuck is not None and wait.scope.cancelled_caught:
            raise wait.stuck from None


def _raise_as_it_is(error: BaseException) -> NoReturn:
    """Raise an exception of the program without the context of the one that the test met, which was only its effect."""
    context = error.__context__
    try:
        raise error
    finally:
        error.__context__ = context
