"""What tests of an application need: peers made of bytes, bad networks, cancellation at every checkpoint."""

from __future__ import annotations

from trioweb.testing.cancellation.check import check_cancellation
from trioweb.testing.faults.plan import Fault
from trioweb.testing.faults.stream import FaultyStream
from trioweb.testing.raw.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    close_frame,
    frame,
)
from trioweb.testing.raw.handshake import handshake
from trioweb.testing.raw.peer import RawPeer

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "PING",
    "PONG",
    "TEXT",
    "Fault",
    "FaultyStream",
    "Frame",
    "RawPeer",
    "check_cancellation",
    "close_frame",
    "frame",
    "handshake",
]
