"""The block of `open_client`, which others may have to end: the watch for stuck tests, and a server that fails.

Cancelling its scope does that, with one exception. Under anyio's plugin one task runs the fixtures and the tests, one
after the other. Where a fixture holds the client, the scope is entered in the fixture and would cancel that task,
whatever it runs: first the test, which is meant, and then the plugin itself, which hangs. So there the cancellation
is taken back as soon as Trio has delivered it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import trio

_RUNNER_OF_ANYIO = "_run_tests_and_fixtures"


class ClientBlock:
    """A block that can be ended from another task.

    Attributes:
        has_been_left: Whether the block has ended, in whatever way.
    """

    def __init__(self) -> None:
        self._scope, self._shield = trio.CancelScope(), trio.CancelScope()
        self._task: trio.lowlevel.Task | None = None
        self._home: FrameType | None = None
        self.has_been_left = False

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Run the block in the current task."""
        self._task = trio.lowlevel.current_task()
        self._home = _test_or_fixture(self._task)
        try:
            with self._scope, self._shield:
                yield
        finally:
            self.has_been_left = True
            self._task = self._home = None

    @property
    def can_be_ended(self) -> bool:
        """Whether the block is running and nobody has ended it."""
        return self._task is not None and not self._scope.cancel_called

    def end(self, reason: str) -> None:
        """Cancel the block, unless that was done before. Call this in another task."""
        if not self.can_be_ended:
            return
        self._scope.cancel(reason=reason)
        if self._home is not None and self._task is not None:
            running = {frame for frame, _ in self._task.iter_await_frames()}
            self._shield.shield = self._home not in running


def _test_or_fixture(task: trio.lowlevel.Task) -> FrameType | None:
    """Return the frame of the function that anyio's plugin is running; `None` under anything else."""
    runner = getattr(task.coro, "cr_frame", None)
    if runner is None or runner.f_code.co_name != _RUNNER_OF_ANYIO:
        return None
    frame = sys._getframe()  # noqa: SLF001
    while frame.f_back is not None and frame.f_back is not runner:
        frame = frame.f_back
    return frame
