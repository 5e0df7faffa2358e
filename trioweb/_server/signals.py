"""The signals that end a program: none is lost, and a second one always ends it."""

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
"""How much later than it should have ended by itself the process is ended."""

STEP_SECONDS = 0.05
SAYING_SECONDS = 0.2


class EndingSignals:
    """Handles SIGINT, SIGTERM and SIGHUP for as long as its block.

    The handlers are plain functions that Python calls between two steps of the main thread,
    whatever that is doing: before Trio runs, while the event loop is blocked, after it has
    ended. They count, tell Trio if it runs, and set a last moment for the process.

    That moment is needed because Trio cannot end everything: code may shield itself from
    cancellation, a call in a thread may hang, a handler may block the event loop. When it
    comes the process ends with the status that shells give to one ended by the signal. A
    third signal is the system's to handle, which ends the process there and then.

    SIGHUP is left alone where the program handles it itself or has been told to ignore it,
    as `nohup` does. It is never the second signal: systemd can send it together with SIGTERM.

    Args:
        drain_seconds: How long a server may take to end after the first signal.

    Attributes:
        count: How many have come.
        is_serving: Whether there is anything to drain; before that even the first signal
            has no more than a moment.
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
            signal.raise_signal(self._numbers[0])  # it came when nothing was left to end

    @contextmanager
    def heeded_by(self, heed: Callable[[int], None]) -> Iterator[None]:
        """Call `heed` with the number of signals so far, at each one, inside Trio.

        Those that came before count too.
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
        """Do as little as a signal handler may: it can interrupt anything, and take no lock."""
        if number == _HANGUP and self._numbers:
            return
        self._numbers.append(number)
        self.count = len(self._numbers)
        seconds = self._drain_seconds if self.count == 1 and self.is_serving else ABORT_SECONDS
        if self.count == 2:
            self._leave_to_system()
        try:
            # Not `threading.Thread`, whose locks the interrupted code may hold.
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
        # In steps: to a process that was itself stopped meanwhile one step has passed.
        for _ in range(round(seconds / STEP_SECONDS)):
            if self._over.wait(STEP_SECONDS):
                return
        said = threading.Event()
        with suppress(RuntimeError):  # no more threads
            _thread.start_new_thread(self._say, (number, seconds, said))
            said.wait(SAYING_SECONDS)
        os._exit(128 + number)

    def _say(self, number: int, seconds: float, said: threading.Event) -> None:
        """Log it; in a thread of its own, since the lock of a log may be held for ever."""
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
