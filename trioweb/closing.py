"""Close codes, and the pair of code and reason in a close frame."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

import attrs

from trioweb.excerpts import one_line

REASON_BYTES = 123
"""A close frame's payload is 125 bytes at most, two of them the code (RFC 6455 §5.5)."""


class CloseCode(IntEnum):
    """The registered close codes (RFC 6455 §7.4.1 and IANA's registry)."""

    NORMAL_CLOSURE = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_STATUS_RECEIVED = 1005
    ABNORMAL_CLOSURE = 1006
    INVALID_PAYLOAD = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014
    TLS_HANDSHAKE = 1015


NEVER_ON_THE_WIRE = frozenset({1004, 1005, 1006, 1015})
"""Codes that are reserved, or that an endpoint reports but never sends (RFC 6455 §7.4.1)."""

QUIET_CODES = frozenset({1000, 1001, 1005})
"""Codes of an ordinary end: `async for` stops without an exception."""


@attrs.frozen(slots=True)
class Close:
    """The content of a close frame, which can be unpacked: `code, reason = close`.

    Attributes:
        code: The close code; 1005 if the frame had none, 1006 if no frame was received.
        reason: Text for people and logs; at most 123 bytes of UTF-8.
        received_first: On `WebSocket.closed`, whether the peer closed first; `None`
            if neither side did (the connection was lost) or if it does not apply.
            Comparisons ignore it.
    """

    code: int
    reason: str = ""
    received_first: bool | None = attrs.field(default=None, kw_only=True, eq=False)

    def __iter__(self) -> Iterator[int | str]:
        yield self.code
        yield self.reason

    def __str__(self) -> str:
        # A peer chooses the reason, and this text gets into logs.
        return f"{self.code} {one_line(self.reason)}" if self.reason else str(self.code)


def is_sendable_code(code: int) -> bool:
    """Return whether an application may send `code` in a close frame (RFC 6455 §7.4.2)."""
    return (1000 <= code <= 1014 and code not in NEVER_ON_THE_WIRE) or 3000 <= code <= 4999


def complaint(code: int, reason: str) -> str | None:
    """Return what is wrong with a code and a reason given by an application, or `None`."""
    if not (isinstance(code, int) and isinstance(reason, str)):  # type: ignore[redundant-expr]
        return f"a close code is an int and its reason a str, not {code!r} and {reason!r}"  # type: ignore[unreachable]
    if not is_sendable_code(code):
        return f"close code {code} cannot be sent: expected 1000-1003, 1007-1014 or 3000-4999"
    try:
        length = len(reason.encode())
    except UnicodeEncodeError as error:
        return f"the close reason cannot be sent as UTF-8 (RFC 6455 §5.5.1): {error.reason} at {error.start}"
    if length > REASON_BYTES:
        return f"a close reason of {length} bytes does not fit: at most {REASON_BYTES} bytes of UTF-8"
    return None
