"""Control frames that wait: pings, pongs and the rest of the handshake's response."""

from __future__ import annotations

CONTROL_FRAMES = 64
"""How many control frames may wait."""

PONGS = 32
"""If this many control frames wait, a new pong replaces the latest one that waits."""


class ControlFrames(list[bytes]):
    """A short queue that leaves before all messages.

    It is bounded by number alone, since a control frame has at most 125 bytes of payload
    (RFC 6455 §5.5). Without a bound, a peer could fill the memory by sending pings and reading
    nothing. It inherits from list rather than holding one, because every idle connection has one,
    and a second object would cost as much again.
    """

    __slots__ = ()

    def push(self, frame: bytes) -> bool:
        """Queue a frame; `False` if too many wait already."""
        if len(self) >= CONTROL_FRAMES:
            return False
        self.append(frame)
        return True

    def push_pong(self, frame: bytes) -> int:
        """Queue a pong; if many wait already, in place of the latest of them.

        Only the latest ping needs an answer (RFC 6455 §5.5.3), so a flood of pings
        from a peer that does not read costs a few frames.

        Returns:
            How many more bytes wait; negative if the pong that it replaces was longer.
        """
        replaced_bytes = 0
        if len(self) >= PONGS:
            latest = next((waiting for waiting in reversed(self) if waiting[0] == frame[0]), None)
            if latest is not None:
                self.remove(latest)
                replaced_bytes = len(latest)
        self.append(frame)
        return len(frame) - replaced_bytes
