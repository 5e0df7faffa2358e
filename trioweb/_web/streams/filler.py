"""A piece that is sent after a silence."""

from __future__ import annotations

import attrs


@attrs.frozen
class Filler:
    """A piece to send when nothing else was sent for a while.

    Proxies drop connections that are quiet, and a client that has vanished is only noticed when
    something is sent to it.

    Attributes:
        piece: Something that the reader skips.
        silence_seconds: How long nothing was sent before.
    """

    piece: bytes
    silence_seconds: float
