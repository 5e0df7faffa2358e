"""The signals that end a program: none is lost, and a second one always ends it.

Trio itself turns SIGINT into a `KeyboardInterrupt`, which may be raised in any handler, and lets SIGTERM end
the process at once. Neither is a graceful shutdown. `trio.open_signal_receiver` would allow one, but works
only while Trio runs and schedules: a signal during an import or after the run would be lost, and one that
finds the event loop blocked would wait for ever. So this module uses Python's own signal handlers, which work
at any time, and a clock in a thread, which works even while the event loop is blocked:

    signal 1   Trio is told; a thread begins to count to the last moment of a graceful shutdown
    signal 2   Trio is told; another thread counts to a nearer moment; handlers of the system take over
    signal 3   the system ends the process

    a last moment comes    the process is ended by force, and logs that
    the block ends         the threads end, and the earlier handlers are restored
"""

from __future__ import annotations

import _thread
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Self

import trio

from trioweb._server.shutdown import ABORT_SECONDS

logger = logging.getLogger("trioweb")

_HANGUP: int | None = getattr(signal, "SIGHUP", None)  # Windows has none
ENDING = tuple(one for one in (signal.SIGINT, signal.SIGTERM, _HANGUP) if one is not None)

FORCE_SECONDS = 0.25
"""The process is ended by force this long after the time in which the server should have ended by itself."""

STEP_SECONDS = 0.05
"""How long the clock's thread sleeps at a time; see `_end_by_force`."""

SAYING_SECONDS = 0.2
"""How long the last message may take. Its thread may wait for a lock that a blocked thread holds."""


class EndingSignals:
    """Handles SIGINT, SIGTERM and SIGHUP for the duration of its block.

    The handlers are plain functions that Python calls between two steps of the main thread,
    whatever that is doing: before Trio runs, while the event loop is blocked, after it has
    ended. They count, wake Trio if it is running, and set a deadline for the process.

    The deadline is needed because Trio cannot end everything: code may shield itself from
    cancellation, a call in a thread may hang, a handler may block the event loop. At the
    deadline, the process ends with the status that shells give to a process ended by the
    signal. A third signal is left to the system, which ends the process at once.

    SIGHUP is left alone if the program handles it itself or was started with it ignored,
    as by `nohup`. It is never the second signal: systemd can send it together with SIGTERM.

    Args:
        drain_seconds: How long a server may take to end after the first signal.

    Attributes:
        count: How many signals have arrived.
        is_serving: Whether there is anything to drain; before that, even the first signal
            leaves only a moment.
    """

    def __init__(self, drain_seconds: float) -> None:
        self.count = 0
        self.is_serving = False
        self._drain_seconds = drain_seconds
        self._numbers: list[int] = []
        self._before: dict[int, Any] = {}
        self._over = threading.Event()
        self._heed: Callable[[int], None] | None = None
        self._token: trio.lowlevel.TrioToken | None = None
        self._is_heeded = False

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(
                "trioweb.run handles signals, which Python allows in the main thread only: "
                "in another one use trio.run with trioweb.serve"
            )
        for number in ENDING:
            if number != _HANGUP or signal.getsignal(number) == signal.SIG_DFL:
                self._before[number] = signal.signal(number, self._came)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for number, before in self._before.items():
            signal.signal(number, signal.SIG_DFL if before is None else before)
        if self._numbers and not self._is_heeded:
            # The signal arrived when there was nothing left to end. The earlier handler gets it now.
            signal.raise_signal(self._numbers[0])

    @contextmanager
    def heeded_by(self, heed: Callable[[int], None]) -> Iterator[None]:
        """Call `heed` at each signal, inside Trio, with the number of signals so far.

        Signals that arrived before this call count too.
        """
        self._heed, self._token = heed, trio.lowlevel.current_trio_token()
        try:
            if self._numbers:
                self._tell()
            yield
        finally:
            self._token = self._heed = None

    def _tell(self) -> None:
        if self._heed is not None:
            self._is_heeded = True
            self._heed(self.count)

    def _came(self, number: int, _: FrameType | None) -> None:
        """Count a signal, start its clock and wake Trio.

        It does as little as possible. It can interrupt any line of the main thread, even one that
        holds a lock, so it must not take a lock: neither logging nor `threading.Thread` is allowed here.
        """
        if number == _HANGUP and self._numbers:
            return
        self._numbers.append(number)
        self.count = len(self._numbers)
        seconds = self._drain_seconds if self.count == 1 and self.is_serving else ABORT_SECONDS
        if self.count == 2:
            self._leave_to_system()
        try:
            _thread.start_new_thread(self._end_by_force, (number, seconds + FORCE_SECONDS))
        except RuntimeError:  # no more threads: then the next signal ends it
            self._leave_to_system()
        token = self._token
        if token is not None:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(self._tell)

    def _leave_to_system(self) -> None:
        for number in self._before:
            signal.signal(number, signal.SIG_DFL)

    # In a thread.

    def _end_by_force(self, number: int, seconds: float) -> None:
        # In steps. If the process itself is stopped (SIGSTOP, a suspended laptop), only one step has passed
        # when it continues, not the whole time. So it still has time to end by itself.
        for _ in range(round(seconds / STEP_SECONDS)):
            if self._over.wait(STEP_SECONDS):
                return
        said = threading.Event()
        with suppress(RuntimeError):  # no more threads
            _thread.start_new_thread(self._say, (number, seconds, said))
            said.wait(SAYING_SECONDS)
        os._exit(128 + number)

    def _say(self, number: int, seconds: float, said: threading.Event) -> None:
        """Log that the process is being ended. Runs in its own thread: a lock of logging may be held for ever."""
        logger.critical(
            "ending by force, %.1f s after signal %d: something here cannot be cancelled. It shields itself, "
            "waits for a thread, or blocks the event loop%s",
            seconds,
            number,
            " (Timeouts.drain_seconds)" if seconds > ABORT_SECONDS + FORCE_SECONDS else "",
        )
        with suppress(Exception):
            sys.stdout.flush()
        said.set()
