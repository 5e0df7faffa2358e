"""The client's side of a WebSocket's frames: what is masked, and what is not, is exchanged.

RFC 6455 §5.1 makes one difference between the two sides. A client masks every frame, and a server none; either
closes the connection (1002) if the other breaks this rule. So this class has only what the difference touches:

    what arrives    the decoders are shared, and get the expected mask bit; only the loop of the fast lane is
                    another one, for its speed
    what leaves     the frames of `encode_masked_frame`, which no publication may share: a key that others have
                    seen can be predicted, and protects nobody (see `mask_keys.py`)
    compression     `client_` parameters describe what this side sends, and `server_` parameters what it
                    receives (RFC 7692 §7.1), so an agreement is used with its sides exchanged

`encode` builds short frames itself, as the server's does: nearly all messages are short, and each saves a call.
"""

from __future__ import annotations

from trioweb._wire.deflate import DeflateAgreement
from trioweb._wire.encoder import Sharing
from trioweb._wire.fastlane import decode_unmasked
from trioweb._wire.frames import (
    BINARY,
    CLOSE,
    COMPRESSED,
    FINAL,
    KEY_BYTES,
    PING,
    PONG,
    SHORT_MASKED_HEADERS,
    TEXT,
    TWO_BYTES,
    Buffers,
    encode_close_payload,
    encode_masked_control,
    encode_masked_frame,
)
from trioweb._wire.mask_keys import draw_key, take_key
from trioweb._wire.masking import apply_mask
from trioweb._wire.websocket import WebSocketWire
from trioweb.closing import Close

_MASKED_TEXT_HEADERS = SHORT_MASKED_HEADERS[FINAL | TEXT]
_MASKED_BINARY_HEADERS = SHORT_MASKED_HEADERS[FINAL | BINARY]


class ClientWire(WebSocketWire):
    """The client's side of one WebSocket after its handshake; no task, no clock, no socket.

    It is used as `WebSocketWire` is, except that its frames belong to one connection: each has a
    key of its own (RFC 6455 §5.3), so none is ever sent twice.

    Args:
        message_bytes: How long a message may be, inflated too; a longer one is answered with 1009.
        message_fragments: How many frames one may have; more are answered with 1008.
        deflate: What was agreed on about compression, if anything was.
        fast_lane: Whether plain frames are decoded without wsproto.
    """

    __slots__ = ()

    control_header_bytes = 2
    sent_control_header_bytes = 2 + KEY_BYTES
    _encode_frame = staticmethod(encode_masked_frame)

    def __init__(
        self,
        *,
        message_bytes: int,
        message_fragments: int,
        deflate: DeflateAgreement | None = None,
        fast_lane: bool = True,
    ) -> None:
        super().__init__(
            message_bytes=message_bytes,
            message_fragments=message_fragments,
            deflate=None if deflate is None else deflate.exchanged(),
            fast_lane=fast_lane,
        )
        self._mask_bit = 0
        self.frame_kind = Sharing.NEVER

    def feed_plain(self, data: bytes, out: list[str | bytes], most: int) -> bool:
        """Take input, and decode it at once if it is whole plain frames: the usual case.

        It repeats the method of the server's side, apart from the loop. Choosing that by an attribute would cost
        every read of every server a look-up.
        """
        if self._is_lane_open and not self._input:
            position = decode_unmasked(data, 0, out, most, self._message_bytes)
            if position == len(data):
                return True
            data = data[position:]
        self.feed(data)
        return False

    def encode(self, message: str | bytes) -> Buffers:
        """Build the frame of a whole message, with a key of its own.

        Raises:
            UnicodeEncodeError: The text has surrogates, which UTF-8 cannot express.
        """
        if isinstance(message, str):
            payload, headers = message.encode(), _MASKED_TEXT_HEADERS
        else:
            payload, headers = message, _MASKED_BINARY_HEADERS
        if self._deflator is not None:
            compressed = self._deflator.compress(payload)
            if compressed is not None:
                return encode_masked_frame(headers[0][0] | COMPRESSED, compressed)
        length = len(payload)
        if length < TWO_BYTES:
            # The usual case, which `encode_masked_frame` would handle as well, for the price of two calls.
            try:
                key = take_key()
            except IndexError:
                key = draw_key()
            return headers[length] + key + apply_mask(payload, key)
        return encode_masked_frame(headers[0][0], payload)

    def encode_ping(self, payload: bytes) -> bytes:
        """Build a ping; `payload` has at most 125 bytes (RFC 6455 §5.5.2)."""
        return encode_masked_control(PING, payload)

    def encode_pong(self, payload: bytes) -> bytes:
        """Build a pong; `payload` is the ping's (RFC 6455 §5.5.3)."""
        return encode_masked_control(PONG, payload)

    def encode_close(self, close: Close) -> bytes:
        """Build a close frame, which is empty for codes that are never sent, such as 1005."""
        return encode_masked_control(CLOSE, encode_close_payload(close))
