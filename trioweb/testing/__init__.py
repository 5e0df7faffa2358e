"""What tests of an application need: peers made of bytes, bad networks, cancellation at every checkpoint."""

from __future__ import annotations

from trioweb.testing.faults import Fault
from trioweb.testing.faulty_stream import FaultyStream
from trioweb.testing.raw_frames import (
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
from trioweb.testing.raw_handshake import handshake
from trioweb.testing.raw_peer import RawPeer

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
    "close_frame",
    "frame",
    "handshake",
]
