"""Whether this side looked at what its peers sent: time in which it did not is nobody's fault."""

from __future__ import annotations

import math

LATE_SECONDS = 0.05
"""How much later than planned a look may come before the loop counts as having stood still."""

CREDIT_SECONDS = 2.0
"""How much of standing still is forgiven whole, and the stall with which it is passed."""


class Attention:
    """A clock that stands still while the event loop does.

    A handler may block, or the process may be stopped: then what peers have sent lies unread,
    and what they wait for was not sent. Their deadlines are kept by this clock, so that they
    have the time again afterwards.

    The loop is looked at now and then, and a look that comes late shows that it stood still;
    nobody knows since when, so all the time since the last look is lost. Time that the clock
    of a test has jumped over is not.

    A loop that stands still again and again must not keep for ever who is gone. So there is a
    credit: a stall is lost whole while there is any, and takes its length from it; otherwise one
    half of it is. The time in which the loop runs is added again, up to `CREDIT_SECONDS`. Hence
    the clock runs at half speed in the long run, and a deadline comes after twice its time and
    `CREDIT_SECONDS` and one stall, at the latest.

    Attributes:
        lost_seconds: By how much it is behind Trio's clock.
    """

    __slots__ = ("_credit_seconds", "_looked_at", "_real_look_at", "lost_seconds")

    def __init__(self) -> None:
        self.lost_seconds = 0.0
        self._credit_seconds = CREDIT_SECONDS
        self._looked_at = -math.inf
        self._real_look_at = -math.inf

    def begin(self, now: float, real_now: float) -> None:
        """Count from `now` on; nothing was planned before."""
        self._looked_at = now
        self._real_look_at = real_now

    def look(self, now: float, real_now: float, planned_at: float) -> None:
        """Take note that the loop runs.

        Args:
            now: What Trio's clock says.
            real_now: What a clock says that no test can turn.
            planned_at: When by Trio's clock this was to happen.
        """
        seconds = min(now - self._looked_at, real_now - self._real_look_at)
        if min(now - planned_at, seconds) <= LATE_SECONDS:
            self._credit_seconds = min(CREDIT_SECONDS, self._credit_seconds + seconds)
        elif self._credit_seconds > 0:
            self.lost_seconds += seconds
            self._credit_seconds -= seconds
        else:
            self.lost_seconds += seconds / 2
        self._looked_at = now
        self._real_look_at = real_now
