"""Whether this side looked at what its peers sent: time in which it did not is nobody's fault."""

from __future__ import annotations

import math

LATE_SECONDS = 0.05
"""How much later than planned a look may come before the loop counts as having stood still."""


class Attention:
    """A clock that stands still while the event loop does.

    A handler may block, or the process may be stopped: then what peers have sent lies unread,
    and what they wait for was not sent. Their deadlines are kept by this clock, so that they
    have the time again afterwards.

    The loop is looked at now and then, and a look that comes late shows that it stood still;
    nobody knows since when, so all the time since the last look is lost. Time that the clock
    of a test has jumped over is not.

    A stall is forgiven whole when the loop ran for as long before it; of what is longer than
    that, one half. So the clock runs at half speed at least after a first stall, and whoever is
    gone is found out after twice the time-out and two stalls, however often the loop stands still.

    Attributes:
        lost_seconds: By how much it is behind Trio's clock.
    """

    __slots__ = ("_looked_at", "_ran_since", "_real_look_at", "lost_seconds")

    def __init__(self) -> None:
        self.lost_seconds = 0.0
        self._looked_at = -math.inf
        self._real_look_at = -math.inf
        self._ran_since = -math.inf

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
        absence_seconds = min(now - self._looked_at, real_now - self._real_look_at)
        if min(now - planned_at, absence_seconds) > LATE_SECONDS:
            ran_seconds = self._looked_at - self._ran_since
            self.lost_seconds += absence_seconds - max(0.0, absence_seconds - ran_seconds) / 2
            self._ran_since = now
        self._looked_at = now
        self._real_look_at = real_now
