"""How long to wait before the next attempt, as arithmetic without a clock.

An outage ends for all clients of a server at once, and a fixed delay would bring them back in one
wave, which may be enough to end the server again. The delay is therefore *full jitter*: any number
between 0 and a bound, where the bound doubles from failure to failure. Spreading the clients over
the whole of the bound empties the queue soonest; a delay that is only varied a little keeps the
wave together.

    attempt after a stable connection      0 .. first
    2nd attempt in a row                   0 .. first
    3rd                                    0 .. first * 2
    nth                                    0 .. first * 2 ** (n - 2), at most `most`

A server may ask for more. Then the delay has a lower bound as well:

| the server says                   | lower bound                    | upper bound                  |
|-----------------------------------|--------------------------------|------------------------------|
| `Retry-After`                     | that, at most `most`           | that and the bound above     |
| 1012, 1013, 429, 503              | 5 s, at most a sixth of `most` | 30 s, or the bound above     |

The 5 to 30 seconds are those with which the close code 1012 was registered at IANA.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from trioweb._client.retry import Retry
from trioweb.closing import CloseCode

LEAVE_ALONE = frozenset(
    {
        CloseCode.SERVICE_RESTART,
        CloseCode.TRY_AGAIN_LATER,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    }
)
"""The codes and statuses of a server that has too much to do, or is about to restart."""

LEAST_ALONE_SECONDS, MOST_ALONE_SECONDS = 5.0, 30.0

MOST_DOUBLINGS = 60
"""Enough for every delay that anybody would wait for, and few enough for a float."""

MOST_DIGITS = 15
"""Of a number in `Retry-After`. A server chooses its length, and Python refuses to read very long ones."""

Uniform = Callable[[float, float], float]
"""Returns a random number between two bounds, as `random.uniform` does."""


class Schedule:
    """Counts the attempts in a row, and draws the delay before the next one.

    Args:
        retry: The settings.
        uniform: Draws the delay between two bounds; a test passes one without chance.

    Attributes:
        attempt: The number of the next attempt. It is 1 for the first of all and for the first
            after a stable connection.
    """

    def __init__(self, retry: Retry, uniform: Uniform = random.uniform) -> None:
        self.attempt = 1
        self._retry = retry
        self._uniform = uniform

    @property
    def is_used_up(self) -> bool:
        """Whether there were as many attempts in a row as `Retry.attempts` allows."""
        return self._retry.attempts is not None and self.attempt > self._retry.attempts

    def count(self, lasted_seconds: float = 0.0) -> None:
        """Count an attempt that has ended, after a connection of this many seconds if there was one."""
        self.attempt = 1 if lasted_seconds >= self._retry.stable_seconds else self.attempt + 1

    def delay_seconds(self, number: int | None = None, asked_seconds: float | None = None) -> float:
        """Draw the delay before the next attempt.

        Args:
            number: The status or the close code with which the last attempt ended.
            asked_seconds: What the server asked for with `Retry-After`.
        """
        most = self._retry.most_seconds
        doublings = min(max(self.attempt - 2, 0), MOST_DOUBLINGS)
        least, bound = 0.0, min(self._retry.first_seconds * 2.0**doublings, most)
        if asked_seconds is not None:
            least = min(asked_seconds, most)
            bound = min(least + bound, most)
        elif number in LEAVE_ALONE:
            least = min(LEAST_ALONE_SECONDS, most / 6)
            bound = max(bound, min(MOST_ALONE_SECONDS, most))
        return self._uniform(least, bound)


def retry_after_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return how long a response asks to wait (RFC 9110 §10.2.3); `None` if it does not say.

    A date is compared with the response's own `Date`, since the clocks of the two sides may differ.

    Args:
        headers: Those of the response; names match in any case.
        now: The time of this side, for a response without a `Date`.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:MOST_DIGITS])
    date = _date(text)
    if date is None:
        return None
    since = _date(headers.get("date", "")) or now or datetime.now(UTC)
    return max((date - since).total_seconds(), 0.0)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
