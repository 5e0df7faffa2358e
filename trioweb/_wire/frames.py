"""The layout of a frame (RFC 6455 §5.2): building it for sending, measuring and reading it for receiving."""

from __future__ import annotations

import struct

from trioweb._wire.events import PeerClosed, Ping, Pong
from trioweb._wire.mask_keys import fresh_key
from trioweb._wire.masking import apply_mask
from trioweb.closing import NEVER_ON_THE_WIRE, REASON_BYTES, Close, CloseCode, is_sendable_code
from trioweb.errors import RemoteProtocolError

FINAL = 0x80
COMPRESSED = 0x40
"""RSV1, which permessage-deflate sets on a message's first frame (RFC 7692 §6)."""

OPCODE = 0x0F
CONTINUATION, TEXT, BINARY = 0x0, 0x1, 0x2
CLOSE, PING, PONG = 0x8, 0x9, 0xA

MASKED = 0x80
LENGTH = 0x7F
TWO_BYTES, EIGHT_BYTES = 126, 127
"""Values in the place of a short length: the length follows, in this many bytes."""

CONTROL_BYTES = 125
"""The longest payload of a control frame (RFC 6455 §5.5)."""

KEY_BYTES = 4
"""The length of the key in the header of a masked frame (RFC 6455 §5.2)."""

JOINED_BYTES = 16 * 1024
"""A payload of up to this length is copied next to its header, because one buffer is cheaper to write than
two; a longer payload stays apart, because copying it would cost more."""

Buffers = bytes | tuple[bytes, bytes]
"""A frame: in one piece, or as header and payload, so that a large payload is not copied."""


def _short_headers(mask_bit: int) -> dict[int, tuple[bytes, ...]]:
    return {
        FINAL | first: tuple(bytes((FINAL | first, mask_bit | length)) for length in range(TWO_BYTES))
        for first in (TEXT, BINARY, COMPRESSED | TEXT, COMPRESSED | BINARY, CLOSE, PING, PONG)
    }


SHORT_HEADERS = _short_headers(0)
"""Headers of whole messages and control frames, by first byte and length: looked up rather than built."""

SHORT_MASKED_HEADERS = _short_headers(MASKED)
"""The same for a client, up to the key."""


def encode_frame(first: int, payload: bytes) -> Buffers:
    """Build an unmasked frame, as servers send them (RFC 6455 §5.1).

    Args:
        first: The first byte: `FINAL`, reserved bits and opcode.
        payload: As it goes out, already compressed if it is to be.
    """
    length = len(payload)
    header = _header(first, length)
    return header + payload if length <= JOINED_BYTES else (header, payload)


def encode_control(opcode: int, payload: bytes) -> bytes:
    """Build a control frame; the payload has at most 125 bytes (RFC 6455 §5.5)."""
    return SHORT_HEADERS[FINAL | opcode][len(payload)] + payload


def encode_masked_frame(first: int, payload: bytes) -> Buffers:
    """Build a masked frame, as clients send them, with a key of its own (RFC 6455 §5.3)."""
    length, key = len(payload), fresh_key()
    header = _header(first, length, MASKED) + key
    payload = apply_mask(payload, key)
    return header + payload if length <= JOINED_BYTES else (header, payload)


def encode_masked_control(opcode: int, payload: bytes) -> bytes:
    """Build a masked control frame; the payload has at most 125 bytes."""
    key = fresh_key()
    return SHORT_MASKED_HEADERS[FINAL | opcode][len(payload)] + key + apply_mask(payload, key)


def _header(first: int, length: int, mask_bit: int = 0) -> bytes:
    if length < TWO_BYTES:
        return bytes((first, mask_bit | length))
    if length <= 0xFFFF:
        return struct.pack("!BBH", first, mask_bit | TWO_BYTES, length)
    return struct.pack("!BBQ", first, mask_bit | EIGHT_BYTES, length)


def header_bytes(second: int) -> int:
    """Return how long a header is, by its second byte."""
    length = second & LENGTH
    extended = 0 if length < TWO_BYTES else 2 if length == TWO_BYTES else 8
    return 2 + extended + (KEY_BYTES if second & MASKED else 0)


def payload_bytes(header: bytes | bytearray) -> int:
    """Return how long the payload is that a complete header announces."""
    length = header[1] & LENGTH
    if length == TWO_BYTES:
        return int.from_bytes(header[2:4], "big")
    if length == EIGHT_BYTES:
        return int.from_bytes(header[2:10], "big")
    return length


def unmasked(payload: bytes, header: bytes) -> bytes:
    """Undo the mask of a payload, if its header has one: at its end (RFC 6455 §5.2)."""
    return apply_mask(payload, header[-KEY_BYTES:]) if header[1] & MASKED else payload


def control_payload(event: Ping | Pong | PeerClosed) -> bytes:
    """Return the payload of the frame that was decoded to this."""
    return encode_close_payload(event.close) if isinstance(event, PeerClosed) else event.payload


def encode_close_payload(close: Close) -> bytes:
    """Build the payload of a close frame, which is empty for the codes that are never sent."""
    if close.code in NEVER_ON_THE_WIRE:
        return b""
    return close.code.to_bytes(2, "big") + shortened(close.reason).encode()


def decode_close_payload(payload: bytes) -> Close:
    """Read the payload of the peer's close frame.

    This does not use wsproto, which rejects 1014, a code that IANA has registered since.

    Raises:
        RemoteProtocolError: The code may not be sent, or the reason is not text.
    """
    if not payload:
        return Close(CloseCode.NO_STATUS_RECEIVED)  # RFC 6455 §7.1.5
    if len(payload) == 1:  # §5.5.1: a body begins with two bytes of code
        raise RemoteProtocolError("a close frame of one byte, expected none or a code (RFC 6455 §5.5.1)")
    code = int.from_bytes(payload[:2], "big")
    if not is_sendable_code(code):  # §7.4.1, §7.4.2
        raise RemoteProtocolError(f"close code {code}, which no frame may carry (RFC 6455 §7.4)")
    try:
        return Close(code, payload[2:].decode())
    except UnicodeDecodeError:  # §5.5.1 with §8.1
        raise RemoteProtocolError(
            "a close reason that is not UTF-8", close_code=CloseCode.INVALID_PAYLOAD
        ) from None


def shortened(reason: str) -> str:
    """Return as much of `reason` as a close frame has room for, whole characters only."""
    data = reason.encode("utf-8", "replace")
    return data[:REASON_BYTES].decode("utf-8", "ignore")
