"""The sending side of a WebSocket's frames: messages in, bytes out."""

from __future__ import annotations

from enum import Enum

from trioweb._wire.deflate import DeflateAgreement, Deflator
from trioweb._wire.frames import (
    BINARY,
    CLOSE,
    COMPRESSED,
    CONTINUATION,
    FINAL,
    PING,
    PONG,
    SHORT_HEADERS,
    TEXT,
    TWO_BYTES,
    Buffers,
    encode_close_payload,
    encode_control,
    encode_frame,
)
from trioweb.closing import Close
from trioweb.errors import LocalProtocolError

_TEXT_HEADERS = SHORT_HEADERS[FINAL | TEXT]
_BINARY_HEADERS = SHORT_HEADERS[FINAL | BINARY]


class Sharing(Enum):
    """Stands in the place of a kind of frames: such frames are never shared."""

    NEVER = "never"


FrameKind = DeflateAgreement | Sharing | None


class FrameEncoder:
    """Builds frames. It has no states: any frame can be built at any time.

    Args:
        deflate: What was agreed on about compression, if anything was.

    Attributes:
        frame_kind: Encoders of an equal kind build equal frames, so one frame can be sent to many
            peers, unless `must_encode_in_order`. It is what was agreed on about compression.
        must_encode_in_order: The compressor remembers earlier messages. So each message has to be
            encoded for its own peer, and in the order in which messages leave.
        sent_control_header_bytes: How long the header of each control frame is that leaves.
    """

    __slots__ = ("_deflator", "frame_kind", "must_encode_in_order")

    sent_control_header_bytes = 2
    _encode_frame = staticmethod(encode_frame)

    def __init__(self, deflate: DeflateAgreement | None) -> None:
        self._deflator = None if deflate is None else Deflator(deflate)
        self.frame_kind: FrameKind = deflate
        self.must_encode_in_order = deflate is not None and not deflate.shares_frames

    def encode(self, message: str | bytes) -> Buffers:
        """Build the frame of a whole message; a long payload stays apart from its header.

        Raises:
            UnicodeEncodeError: The text has surrogates, which UTF-8 cannot express.
        """
        if isinstance(message, str):
            payload, headers = message.encode(), _TEXT_HEADERS
        else:
            payload, headers = message, _BINARY_HEADERS
        length = len(payload)
        if self._deflator is not None:
            compressed = self._deflator.compress(payload)
            if compressed is not None:
                return encode_frame(headers[0][0] | COMPRESSED, compressed)
        if length < TWO_BYTES:
            return headers[length] + payload
        return encode_frame(headers[0][0], payload)

    def encode_fragment(self, data: str | bytes, *, is_text: bool, is_first: bool, is_last: bool) -> Buffers:
        """Build one frame of a message that is sent piece by piece (RFC 6455 §5.4).

        It is never compressed, so it does not depend on anything that was sent before.

        Args:
            data: `str` if `is_text`.
            is_text: Whether the message is text.
            is_first: Whether the message begins with this frame.
            is_last: Whether the message ends with this frame.

        Raises:
            UnicodeEncodeError: The text has surrogates.
        """
        opcode = CONTINUATION if not is_first else TEXT if is_text else BINARY
        payload = data.encode() if isinstance(data, str) else data
        return self._encode_frame(opcode | FINAL if is_last else opcode, payload)

    def encode_ping(self, payload: bytes) -> bytes:
        """Build a ping; `payload` has at most 125 bytes (RFC 6455 §5.5.2)."""
        return encode_control(PING, payload)

    def encode_pong(self, payload: bytes) -> bytes:
        """Build a pong; `payload` is the ping's (RFC 6455 §5.5.3)."""
        return encode_control(PONG, payload)

    def encode_close(self, close: Close) -> bytes:
        """Build a close frame, which is empty for codes that are never sent, such as 1005.

        A reason that is too long is shortened. The code itself is checked where the application
        gives it.
        """
        return encode_control(CLOSE, encode_close_payload(close))


def plain_message(message: object) -> str | bytes:
    """Return what can be sent as exactly `str` or `bytes`.

    Raises:
        LocalProtocolError: It is neither text nor a buffer of bytes.
    """
    if isinstance(message, str):
        return str(message)
    if isinstance(message, bytes | bytearray):
        return bytes(message)
    if isinstance(message, memoryview):
        return message.tobytes()
    raise LocalProtocolError(f"a message is str or bytes, not {type(message).__name__}")
