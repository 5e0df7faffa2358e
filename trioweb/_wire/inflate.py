"""Inflating what the peer compressed, as an extension of wsproto's that has a bound."""

from __future__ import annotations

import zlib

from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol, Opcode, RsvBits

from trioweb._wire.deflate import NAME, DeflateAgreement
from trioweb.closing import CloseCode
from trioweb.errors import MessageTooBig, RemoteProtocolError

FLUSH_TAIL = b"\x00\x00\xff\xff"
"""What a flushed block ends with; left out on the wire (RFC 7692 §7.2.2)."""

PART_BYTES = 64 * 1024
"""What is inflated at once, which takes a quarter of a millisecond; deflate's bound is 1032 to 1."""

_ACCEPTED = RsvBits(rsv1=True, rsv2=False, rsv3=False)
_NOTHING_RESERVED = RsvBits(rsv1=False, rsv2=False, rsv3=False)


class Inflater(Extension):
    """Takes the place of wsproto's `PerMessageDeflate`, one to a connection.

    wsproto's forgets the message in progress when a control frame comes between its
    fragments, and inflates as much as a peer cares to describe (a thousand times what it
    sends). Here control frames touch nothing, and a message may inflate to
    `message_bytes`; `without_limit` is for messages that are handed out piece by piece,
    whose bound is the caller's: to pass on little input at a time.

    What came whole in one frame is inflated by `CompressedFrame`, past wsproto but with the same `stream`.

    Attributes:
        stream: zlib's object, with the context of the messages so far; `None` when there is none.
        keeps_context: Whether the next message goes on with it.
        message_bytes: What one may inflate to.
        turn_bytes: What was inflated to since others have had their turn.
        without_limit: The open message may inflate to any length.
        complaint: What went wrong, when a hook returned a `CloseReason`.
    """

    name = NAME

    def __init__(self, agreement: DeflateAgreement, *, message_bytes: int) -> None:
        # zlib takes no 8 here either, and a larger window reads what a smaller one wrote.
        self._window_bits = max(9, agreement.client_max_window_bits)
        self.keeps_context = not agreement.client_no_context_takeover
        self.message_bytes = message_bytes
        self._inflated_bytes = 0
        self.stream: zlib._Decompress | None = None
        self.turn_bytes = 0
        self._is_control = False
        self._is_compressed = False
        self.without_limit = False
        self.complaint = ""

    def enabled(self) -> bool:
        """Say that it is part of the connection; what that means was agreed on elsewhere."""
        return True

    def offer(self) -> bool:
        """Offer nothing: wsproto does not do our handshakes."""
        return False

    def frame_inbound_header(
        self,
        proto: FrameDecoder | FrameProtocol,  # noqa: ARG002 - wsproto's signature
        opcode: Opcode,
        rsv: RsvBits,
        payload_length: int,  # noqa: ARG002 - likewise
    ) -> CloseReason | RsvBits:
        """Say which reserved bits are ours. May be called twice for one header."""
        self._is_control = opcode.iscontrol()
        if self._is_control:
            return _NOTHING_RESERVED  # RFC 7692 §6.1: RSV1 is for data frames
        if opcode is Opcode.CONTINUATION:
            return _NOTHING_RESERVED  # and of them the first
        self._is_compressed = rsv.rsv1
        self._inflated_bytes = 0
        return _ACCEPTED

    def frame_inbound_payload_data(
        self,
        proto: FrameDecoder | FrameProtocol,  # noqa: ARG002 - wsproto's signature
        data: bytes,
    ) -> bytes | CloseReason:
        """Inflate a piece of payload."""
        if self._is_control or not self._is_compressed:
            return data
        return self._inflate(data)

    def frame_inbound_complete(
        self,
        proto: FrameDecoder | FrameProtocol,  # noqa: ARG002 - wsproto's signature
        fin: bool,
    ) -> bytes | CloseReason | None:
        """Inflate what the peer left out at the end of the message (RFC 7692 §7.2.2)."""
        if self._is_control or not self._is_compressed or not fin:
            return None
        # After BFINAL there may be no block left for the tail to end.
        rest = self._inflate(FLUSH_TAIL) if self.stream is not None else b""
        if not self.keeps_context:
            self.stream = None
        return rest

    def has_done_enough(self) -> bool:
        """Say whether others are to have their turn before more is inflated."""
        if self.turn_bytes < PART_BYTES:
            return False
        self.turn_bytes = 0
        return True

    def open_stream(self) -> zlib._Decompress:
        """Begin anew, without a context."""
        self.stream = stream = zlib.decompressobj(-self._window_bits)
        return stream

    def broken(self, error: zlib.error) -> RemoteProtocolError:
        """Return what is wrong with input that zlib does not take."""
        return RemoteProtocolError(_broken(error), close_code=CloseCode.INVALID_PAYLOAD)

    def too_big(self) -> MessageTooBig:
        """Return what is wrong with a message that inflates to over the limit."""
        return MessageTooBig(
            f"a message that inflates to over {self.message_bytes} bytes (Limits.message_bytes)"
        )

    def _inflate(self, data: bytes) -> bytes | CloseReason:
        pieces: list[bytes] = []
        try:
            while data:
                stream = self.stream or self.open_stream()
                # One byte over the limit tells that it was passed; to zlib 0 means no limit.
                room = self.message_bytes - self._inflated_bytes
                most = 0 if self.without_limit else max(room, 0) + 1
                piece = stream.decompress(data, most)
                self._inflated_bytes += len(piece)
                self.turn_bytes += len(piece)
                if self._inflated_bytes > self.message_bytes and not self.without_limit:
                    self.complaint = str(self.too_big())
                    return CloseReason.MESSAGE_TOO_BIG
                pieces.append(piece)
                if not stream.eof:
                    break
                # A block with BFINAL ends zlib's stream but not the message (RFC 7692 §7.2.3.4).
                data, self.stream = stream.unused_data, None
        except zlib.error as error:
            self.complaint = _broken(error)
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        return b"".join(pieces)


def _broken(error: zlib.error) -> str:
    return f"compressed data that cannot be inflated: {error}"
