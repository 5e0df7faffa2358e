"""The policies for a member whose outbox is full."""

from __future__ import annotations

from enum import Enum

from trioweb.errors import ConfigError


class Overflow(Enum):
    """The policy for a member that is slower than the room.

    Attributes:
        CLOSE: The member is closed with 1013 and gets no further messages, so it never
            has a gap that it does not know about. The default.
        DROP_OLDEST: The oldest waiting messages of the room are dropped to make way for
            the new one.
        DROP_NEWEST: The new message is dropped.
        LATEST: The new message replaces a waiting one with the same key, even if
            there is room for both. Messages with other keys stay.
        WAIT: The publisher waits for this member. Other members do not.
    """

    CLOSE = "close"
    DROP_OLDEST = "drop-oldest"
    DROP_NEWEST = "drop-newest"
    LATEST = "latest"
    WAIT = "wait"


def check_overflow(overflow: object) -> None:
    """Refuse a policy that is not an `Overflow`.

    Raises:
        ConfigError: It is something else.
    """
    if not isinstance(overflow, Overflow):
        names = ", ".join(f"Overflow.{one.name}" for one in Overflow)
        raise ConfigError(f"overflow={overflow!r}: expected one of {names}")
