"""Skipping what the peer still sends when nobody will receive it, up to its close frame."""

from __future__ import annotations

from trioweb._wire.events import PeerClosed, WireEvent
from trioweb._wire.frames import (
    BINARY,
    CLOSE,
    COMPRESSED,
    CONTINUATION,
    CONTROL_BYTES,
    EIGHT_BYTES,
    FINAL,
    LENGTH,
    MASKED,
    OPCODE,
    PING,
    PONG,
    TEXT,
    TWO_BYTES,
    decode_close_payload,
    header_bytes,
    payload_bytes,
    unmasked,
)
from trioweb.errors import RemoteProtocolError

# Theory. An endpoint that has sent a close frame discards whatever arrives, except the peer's close frame
# (RFC 6455 §1.4), which may follow any number of messages. To find it, headers are enough: each says where the
# next one is. So nothing is unmasked, inflated, decoded or collected, and a frame costs the same however long
# its payload is. It no longer matters whether messages are in order (§5.4), what they contain and how long they
# are. A header that cannot be one (§5.2) still does: after it, nobody knows where the next one is.

_DATA_FIRST_BYTES = frozenset(bits | opcode for bits in (0, FINAL) for opcode in (CONTINUATION, TEXT, BINARY))
_COMPRESSED_FIRST_BYTES = frozenset(
    bits | COMPRESSED | opcode for bits in (0, FINAL) for opcode in (TEXT, BINARY)
)
_CONTROL_FIRST_BYTES = frozenset(FINAL | opcode for opcode in (CLOSE, PING, PONG))  # §5.5: never in fragments

_FIRST_BYTES = {
    False: _DATA_FIRST_BYTES | _CONTROL_FIRST_BYTES,
    True: _DATA_FIRST_BYTES | _COMPRESSED_FIRST_BYTES | _CONTROL_FIRST_BYTES,
}
"""The bytes that a frame may begin with, by whether compression was agreed on."""

_HEADERS = 1024
"""How many headers are read in one call, which takes a millisecond."""


class Skipping:
    """Walks over frames by their headers, and keeps nothing of them.

    Args:
        payload_left: How much of a payload precedes the first header.
        is_deflated: Whether messages may be compressed (RFC 7692 §6).
        mask_bit: `MASKED` or 0: what all frames have to have.

    Attributes:
        needs_input: The last walk ended because more input is needed.
    """

    __slots__ = ("_first_bytes", "_mask_bit", "_payload_left", "needs_input")

    def __init__(self, payload_left: int, *, is_deflated: bool, mask_bit: int) -> None:
        self._payload_left = payload_left
        self._mask_bit = mask_bit
        self._first_bytes = _FIRST_BYTES[is_deflated]
        self.needs_input = False

    def walk(self, data: bytes, position: int, out: list[WireEvent]) -> int:
        """Walk on to the close frame, to the end of the input, or as far as is fair to others.

        Args:
            data: Input. The caller keeps what follows the place where the walk stops.
            position: Where the walk goes on.
            out: The peer's close is appended to it.

        Returns:
            Where the walk stops: after the close frame, or at the first byte that is still needed.

        Raises:
            RemoteProtocolError: A header cannot be one, or the close frame's payload is wrong.
        """
        self.needs_input = False
        for _ in range(_HEADERS):
            skipped = min(self._payload_left, len(data) - position)
            self._payload_left -= skipped
            position += skipped
            size = self._header_bytes(data[position : position + 14])
            if not size:
                self.needs_input = True
                break
            start = position + size
            length = payload_bytes(data[position:start])
            if data[position] & OPCODE == CLOSE:
                if start + length > len(data):
                    self.needs_input = True
                    break
                payload = unmasked(data[start : start + length], data[position:start])
                out.append(PeerClosed(decode_close_payload(payload)))
                return start + length
            position, self._payload_left = start, length
        return position

    def _header_bytes(self, header: bytes) -> int:
        """Return how long the header is that begins here, or 0 if it is incomplete.

        Raises:
            RemoteProtocolError: It is wrong. That is reported as early as wsproto does, from two bytes on.
        """
        if len(header) < 2:
            return 0
        if header[0] not in self._first_bytes:
            raise _wrong(f"first byte 0x{header[0]:02x}")
        length = header[1] & LENGTH
        if header[1] & MASKED != self._mask_bit:
            raise _wrong("no mask" if self._mask_bit else "a mask, which a server's frames must not have")
        if length > CONTROL_BYTES:
            if header[0] & CLOSE:
                raise _wrong("a control frame of over 125 bytes")
            if length == TWO_BYTES and len(header) >= 4 and payload_bytes(header) < TWO_BYTES:
                raise _wrong("a length that is not in its shortest form")
            if length == EIGHT_BYTES and len(header) >= 10 and not 0xFFFF < payload_bytes(header) < 1 << 63:
                raise _wrong("a length that is not in its shortest form, or over 63 bits")
        size = header_bytes(header[1])
        return size if len(header) >= size else 0


def _wrong(what: str) -> RemoteProtocolError:
    return RemoteProtocolError(f"a frame whose header has {what} (RFC 6455 §5.2, §5.5)")
