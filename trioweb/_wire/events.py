"""What a WebSocket's input decodes to."""

from __future__ import annotations

import attrs

from trioweb.closing import Close


@attrs.frozen(slots=True)
class Fragment:
    """A piece of the message that is being streamed.

    Pieces are what the network delivered, whatever the peer's frames. Only the last may be empty.
    """

    data: str | bytes
    is_last: bool

    def __sizeof__(self) -> int:
        """Count the piece as well: `sys.getsizeof` would see only the reference to it."""
        return object.__sizeof__(self) + self.data.__sizeof__()


@attrs.frozen(slots=True)
class Ping:
    """The peer's ping, to be answered with a pong of the same payload (RFC 6455 §5.5.2)."""

    payload: bytes


@attrs.frozen(slots=True)
class Pong:
    """The peer's pong: the reply to a ping, or unsolicited (RFC 6455 §5.5.3)."""

    payload: bytes


@attrs.frozen(slots=True)
class PeerClosed:
    """The peer's close frame; 1005 if it has no code (RFC 6455 §7.1.5). Nothing follows it."""

    close: Close


@attrs.frozen(slots=True)
class Violation:
    """The peer has broken a rule or a limit; `close` answers it. Nothing follows it."""

    close: Close


Signal = Fragment | Ping | Pong | PeerClosed | Violation

WireEvent = str | bytes | Signal
"""A whole message is a plain `str` or `bytes`: the usual case needs no other object."""
