"""The settings of `reconnecting`: when to connect again, and when to give up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from trioweb.closing import CloseCode
from trioweb.errors import ConfigError
from trioweb.validators import instance_of, seconds, whole_number

HOPELESS = frozenset(
    {
        400,
        401,
        403,
        404,
        CloseCode.PROTOCOL_ERROR,
        CloseCode.UNSUPPORTED_DATA,
        CloseCode.INVALID_PAYLOAD,
        CloseCode.POLICY_VIOLATION,
        CloseCode.MESSAGE_TOO_BIG,
        CloseCode.MANDATORY_EXTENSION,
    }
)
"""The statuses and close codes after which the same client would only get the same answer."""

APPLICATION_CODES = range(4000, 5000)
"""The close codes that an application gives a meaning of its own (RFC 6455 §7.4.2)."""


def _numbers(value: Iterable[int]) -> frozenset[int]:
    """Check statuses and close codes; a list will do as well as a set."""
    given: Any = value
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ConfigError(
            f"Retry.give_up_on takes statuses and close codes, such as {{404, 1008}}, not {value!r}"
        )
    numbers: tuple[Any, ...] = tuple(value)
    for number in numbers:
        is_number = isinstance(number, int) and not isinstance(number, bool)
        if not is_number or not (100 <= number <= 599 or 1000 <= number <= 4999):
            raise ConfigError(
                "Retry.give_up_on takes statuses (100 to 599) and close codes (1000 to 4999), such as {404, 1008},"
                f" not {number!r}"
            )
    return frozenset(map(int, numbers))


@attrs.frozen(kw_only=True)
class Retry:
    """When `reconnecting` connects again, and when it gives up.

    Each delay is a random number of seconds, so that the clients of a server that went away do not
    all come back at the same moment. It lies between 0 and a bound, which begins with
    `first_seconds` and doubles with each failure up to `most_seconds`. A failure is an attempt
    without a connection, or a connection that ended before it was stable.

    Attributes:
        first_seconds: The bound of the first delay.
        most_seconds: The bound of every delay, whatever the server asks for with `Retry-After`.
        stable_seconds: How long a connection must last before the delays begin with the first again.
            Without it, a server that accepts and drops connections would be flooded with them.
        attempts: How many attempts in a row may fail before the error of the last one is raised;
            `None` for any number.
        give_up_on: The statuses and close codes that end the loop. The defaults are those after
            which the same client would only get the same answer.
        retry_application_codes: Whether to connect again after a close code from 4000 to 4999. An
            application gives these a meaning of its own, so by default they end the loop.
    """

    first_seconds: float = attrs.field(default=0.2, validator=seconds(optional=False))
    most_seconds: float = attrs.field(default=30.0, validator=seconds(optional=False))
    stable_seconds: float = attrs.field(default=10.0, validator=seconds(optional=False))
    attempts: int | None = attrs.field(default=None, validator=whole_number(1, optional=True))
    give_up_on: frozenset[int] = attrs.field(default=HOPELESS, converter=_numbers)
    retry_application_codes: bool = attrs.field(default=False, validator=instance_of(bool))

    def gives_up_on(self, number: int) -> bool:
        """Return whether a status or a close code ends the loop."""
        if number in self.give_up_on:
            return True
        return number in APPLICATION_CODES and not self.retry_application_codes
