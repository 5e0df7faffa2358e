"""A clock for judging peers: it stops while this side does not look at what they send."""

from __future__ import annotations

import math

LATE_SECONDS = 0.05
"""How late a look may be before the loop counts as stalled. Shorter delays are ordinary load."""

CREDIT_SECONDS = 2.0
"""How many seconds of stalls stop the clock in full. The stall that uses up the credit still stops it in
full; after that, half of each stall does."""


class Attention:
    """A clock that stops while the event loop does.

    A handler may block, or the process may be stopped. Meanwhile, what peers have sent lies
    unread, and what they wait for is not sent. Their deadlines are kept by this clock, so they
    get that time back.

    The timers look at the loop now and then, and a look that comes late shows a stall. Nobody
    knows when it began, so all the time since the last look is lost: rather too much for the
    peer than too little. Time that a test's clock has jumped over is not lost, which is why
    each look is given the time of a real clock as well.

    A loop that stalls again and again must not keep dead peers for ever. So there is a credit.
    While some of it is left, a stall is lost in full and its length is taken from the credit;
    without credit, half of the stall is lost. Time in which the loop runs restores the credit,
    up to `CREDIT_SECONDS`. So in the long run the clock goes at half speed at least, and a
    deadline comes after twice its time plus `CREDIT_SECONDS` plus one stall, at the latest.

    Attributes:
        lost_seconds: How far it is behind Trio's clock.
    """

    __slots__ = ("_credit_seconds", "_looked_at", "_real_look_at", "lost_seconds")

    def __init__(self) -> None:
        self.lost_seconds = 0.0
        self._credit_seconds = CREDIT_SECONDS
        self._looked_at = -math.inf
        self._real_look_at = -math.inf

    def begin(self, now: float, real_now: float) -> None:
        """Count from `now` on: no look was planned before, so none can be late."""
        self._looked_at = now
        self._real_look_at = real_now

    def look(self, now: float, real_now: float, planned_at: float) -> None:
        """Note that the loop runs.

        Args:
            now: The time by Trio's clock.
            real_now: The time by a clock that no test can change.
            planned_at: When this look was due, by Trio's clock.
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
