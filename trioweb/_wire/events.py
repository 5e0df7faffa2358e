"""What a WebSocket's input decodes to."""

from __future__ import annotations

import attrs

from trioweb.closing import Close


@attrs.frozen(slots=True)
class Fragment:
    """A piece of the message that is being streamed.

    Pieces follow what the network delivered, not the peer's frames. Only the last may be empty.
    """

    data: str | bytes
    is_last: bool

    def __sizeof__(self) -> int:
        """Count the piece, of which `sys.getsizeof` would see only the reference."""
        return object.__sizeof__(self) + self.data.__sizeof__()


@attrs.frozen(slots=True)
class Ping:
    """The peer wants a pong with the same payload (RFC 6455 §5.5.2)."""

    payload: bytes


@attrs.frozen(slots=True)
class Pong:
    """The answer to a ping, or unsolicited (RFC 6455 §5.5.3)."""

    payload: bytes


@attrs.frozen(slots=True)
class PeerClosed:
    """The peer's close frame; 1005 when it carried no code (RFC 6455 §7.1.5). Nothing follows."""

    close: Close


@attrs.frozen(slots=True)
class Violation:
    """The peer broke a rule or a limit; `close` is what it is to be told. Nothing follows."""

    close: Close


Signal = Fragment | Ping | Pong | PeerClosed | Violation

WireEvent = str | bytes | Signal
"""A whole message is just `str` or `bytes`: the common case makes no other object."""
