"""Frames as bytes, right or wrong, for tests that write and read the wire themselves (RFC 6455 §5.2).

These functions are independent of the encoder and the decoder under test, and build any frame that they are asked for: a
reserved bit, a mask on the wrong side, a control frame in pieces. A test of a mistake needs exactly that mistake.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from trioweb._wire.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT

__all__ = ["BINARY", "CLOSE", "CONTINUATION", "PING", "PONG", "TEXT", "Frame", "close_frame", "frame"]

EXAMPLE_MASK = b"\x37\xfa\x21\x3d"
"""The mask of the examples in RFC 6455 §5.7: always the same, so that a test's bytes are."""


class Frame(NamedTuple):
    """A frame as it was received, its payload without the mask.

    Attributes:
        opcode: `TEXT`, `BINARY`, `CONTINUATION`, `CLOSE`, `PING`, `PONG`, or a number that has no meaning.
        payload: Still compressed if the message is.
        is_final: Whether the message ends with this frame.
        reserved: The three reserved bits as a number; 4 is the bit of permessage-deflate.
    """

    opcode: int
    payload: bytes
    is_final: bool = True
    reserved: int = 0


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    is_final: bool = True,
    reserved: int = 0,
    mask: bytes | None = EXAMPLE_MASK,
) -> bytes:
    """Build one frame. It is masked, as a client's is; with `mask=None` it is not, as a server's.

    Args:
        opcode: `TEXT`, `BINARY`, `CONTINUATION`, `CLOSE`, `PING`, `PONG`, or any other number below 16.
        payload: Of any length, for control frames as well.
        is_final: Whether the message ends with this frame.
        reserved: The three reserved bits as a number.
        mask: Four bytes, or `None`.
    """
    first = (0x80 if is_final else 0) | reserved << 4 | opcode
    bit = 0x80 if mask else 0
    length = len(payload)
    if length < 126:
        header = struct.pack("!BB", first, bit | length)
    elif length < 65536:
        header = struct.pack("!BBH", first, bit | 126, length)
    else:
        header = struct.pack("!BBQ", first, bit | 127, length)
    return header + mask + masked_bytes(payload, mask) if mask else header + payload


def close_frame(code: int | None = None, reason: str = "", *, mask: bytes | None = EXAMPLE_MASK) -> bytes:
    """Build a close frame, with a code that need not be legal; `None` leaves the payload empty."""
    payload = b"" if code is None else struct.pack("!H", code) + reason.encode()
    return frame(CLOSE, payload, mask=mask)


def masked_bytes(payload: bytes, mask: bytes) -> bytes:
    """Apply a mask, or take it off again (RFC 6455 §5.3)."""
    length = len(payload)
    key = (mask * (length // 4 + 1))[:length]
    # One operation on two long numbers is much quicker than one for each byte.
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(length, "big")
