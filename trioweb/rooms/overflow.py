"""What happens to a message when a member's outbox is full."""

from __future__ import annotations

from enum import Enum

from trioweb.errors import ConfigError


class Overflow(Enum):
    """The policy for a member that is slower than the room.

    Attributes:
        CLOSE: The member is closed with 1013 and gets nothing after that, so it never
            has a gap that it does not know of. The default.
        DROP_OLDEST: The oldest waiting messages of the room make way for the new one.
        DROP_NEWEST: The new message is dropped.
        LATEST: A waiting message with the same key is replaced by the new one, also
            while there is room; messages of other keys stay.
        WAIT: The publisher waits for this member, and only the publisher.
    """

    CLOSE = "close"
    DROP_OLDEST = "drop-oldest"
    DROP_NEWEST = "drop-newest"
    LATEST = "latest"
    WAIT = "wait"


def check_overflow(overflow: object) -> None:
    """Refuse a policy that is none.

    Raises:
        ConfigError: It is not an `Overflow`.
    """
    if not isinstance(overflow, Overflow):
        names = ", ".join(f"Overflow.{one.name}" for one in Overflow)
        raise ConfigError(f"overflow={overflow!r}: expected one of {names}")
