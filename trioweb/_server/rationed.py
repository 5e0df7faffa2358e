"""A warning that peers can cause as often as they like, logged once a minute."""

from __future__ import annotations

import logging
import math

import trio

logger = logging.getLogger("trioweb")

MINUTE_SECONDS = 60.0


class Rationed:
    """Logs a warning at once, then at most once a minute, with the number of warnings left out.

    Otherwise a client that opens connections above a limit could fill the disk with a line for each.
    The first warning is logged at once, because it is the most important one. The count is logged with
    the next warning and not by a timer, which would need a task that only waits to log a number.
    """

    __slots__ = ("_left_out", "_said_at")

    def __init__(self) -> None:
        self._left_out = 0
        self._said_at = -math.inf

    def __call__(self, text: str, *arguments: object) -> None:
        """Log `text % arguments`, or count that it was left out."""
        now = trio.current_time()
        seconds = now - self._said_at
        if seconds < MINUTE_SECONDS:
            self._left_out += 1
        elif self._left_out:
            logger.warning("%s; %d times more in %.0f s", text % arguments, self._left_out, seconds)
            self._said_at, self._left_out = now, 0
        else:
            logger.warning(text, *arguments)
            self._said_at = now
