"""How slowly the body of a request may arrive.

A bound on each pause is not enough: a client could send one byte just before each pause is over, and hold
a connection and its handler for ever. A bound on the whole time is too strict, because a large upload over a
slow line may be honest. So there are two bounds: one on each pause, and one on the average rate.
"""

from __future__ import annotations

import math

from trioweb.errors import RemoteProtocolError

GRACE_PAUSES = 5
"""The waiting time that a body has before its rate counts, in multiples of the longest pause. A short body
over a bad line consists mostly of pauses, so its rate would mean nothing."""


class BodyPace:
    """Compares how much of one body has arrived with the time that was spent waiting for it.

    Time counts only while a task waits for the body. While a slow handler works on a piece, this side
    delays the client. A wait that is cancelled counts like any other, and the next wait continues its
    pause. Otherwise a handler with a short timeout of its own would give the client unlimited time.

    Args:
        pause_seconds: The longest pause. The rate counts after `GRACE_PAUSES` of these.
        bytes_per_second: The lowest average rate, framing included; 0 for any.

    Attributes:
        received_bytes: How much has arrived, framing included.
    """

    __slots__ = (
        "_bytes_per_second",
        "_pause_seconds",
        "_paused_seconds",
        "_waited_seconds",
        "received_bytes",
    )

    def __init__(self, pause_seconds: float, bytes_per_second: int) -> None:
        self._pause_seconds = pause_seconds
        self._bytes_per_second = bytes_per_second
        self._waited_seconds = 0.0
        self._paused_seconds = 0.0  # the part of `_waited_seconds` since the last byte
        self.received_bytes = 0

    def count_received(self, count: int) -> None:
        """Count bytes that arrived, whichever task read them."""
        self.received_bytes += count
        self._paused_seconds = 0.0

    def count_waited(self, seconds: float, *, has_come: bool) -> None:
        """Count time spent waiting for more, and note whether something arrived."""
        self._waited_seconds += seconds
        self._paused_seconds = 0.0 if has_come else self._paused_seconds + seconds

    @property
    def left_seconds(self) -> float:
        """How long the next byte may take."""
        return max(0.0, min(self._left_of_the_pause(), self._left_on_the_whole()))

    def _left_of_the_pause(self) -> float:
        return self._pause_seconds - self._paused_seconds

    def _left_on_the_whole(self) -> float:
        if not self._bytes_per_second:
            return math.inf
        granted_seconds = self.received_bytes / self._bytes_per_second
        return GRACE_PAUSES * self._pause_seconds + granted_seconds - self._waited_seconds

    def too_slow(self) -> RemoteProtocolError:
        """Return the error for a body that has no time left: 408 (RFC 9110 §15.5.9).

        The text names the bound that was reached, because two different settings change them.
        """
        if self._left_of_the_pause() <= self._left_on_the_whole():
            problem = (
                f"nothing of the request's body came for {self._pause_seconds} s (Timeouts.body_seconds)"
            )
        else:
            problem = (
                f"the request's body came at less than {self._bytes_per_second} bytes a second on the whole"
                " (Limits.body_bytes_per_second)"
            )
        return RemoteProtocolError(problem, 408)
