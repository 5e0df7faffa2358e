"""How slowly the body of a request may come."""

from __future__ import annotations

import math

from trioweb.errors import RemoteProtocolError

GRACE_PAUSES = 5
"""How many of the longest pauses a body may make at any rate, as a short one over a bad line does."""


class BodyPace:
    """Sets what came of one body against the time that was spent in waiting for it.

    A pause has a bound, and so has the whole: else one byte for each pause would hold a
    connection for ever. Time in which nobody here waited does not count, such as that of a
    slow handler: then it is this side that holds the peer up. A wait that was cancelled counts
    as any other, and its pause goes on in the next one.

    Args:
        pause_seconds: How long nothing may come. The rate counts after `GRACE_PAUSES` of these.
        bytes_per_second: The least rate on the whole; 0 for none. What frames the body counts.

    Attributes:
        received_bytes: How much has come.
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
        self._paused_seconds = 0.0  # of these, since something came last
        self.received_bytes = 0

    def count_received(self, count: int) -> None:
        """Take note of bytes that came, whoever read them."""
        self.received_bytes += count
        self._paused_seconds = 0.0

    def count_waited(self, seconds: float, *, has_come: bool) -> None:
        """Take note of a time in which more was waited for, and whether it has come."""
        self._waited_seconds += seconds
        self._paused_seconds = 0.0 if has_come else self._paused_seconds + seconds

    @property
    def left_seconds(self) -> float:
        """How long the next byte may be waited for."""
        return max(0.0, min(self._left_of_the_pause(), self._left_on_the_whole()))

    def _left_of_the_pause(self) -> float:
        return self._pause_seconds - self._paused_seconds

    def _left_on_the_whole(self) -> float:
        if not self._bytes_per_second:
            return math.inf
        granted_seconds = self.received_bytes / self._bytes_per_second
        return GRACE_PAUSES * self._pause_seconds + granted_seconds - self._waited_seconds

    def too_slow(self) -> RemoteProtocolError:
        """Return what is raised when no time is left; to be answered 408 (RFC 9110 §15.5.9)."""
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
