"""What keeps a quiet answer alive."""

from __future__ import annotations

import attrs


@attrs.frozen
class Keepalive:
    """A piece to send when nothing else was sent for a while.

    Attributes:
        piece: Something that the reader skips.
        seconds: After how much silence.
    """

    piece: bytes
    seconds: float
