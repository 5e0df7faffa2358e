"""A warning that peers can bring about as often as they like, said once a minute."""

from __future__ import annotations

import logging
import math

import trio

logger = logging.getLogger("trioweb")

MINUTE_SECONDS = 60.0


class Rationed:
    """Logs a warning at once, and then at most each minute, with how often it was left out."""

    __slots__ = ("_left_out", "_said_at")

    def __init__(self) -> None:
        self._left_out = 0
        self._said_at = -math.inf

    def __call__(self, text: str, *arguments: object) -> None:
        """Say `text % arguments`, or count that it was not said."""
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
