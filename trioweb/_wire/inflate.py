"""Inflating what the peer compressed, as an extension of wsproto that has a limit."""

from __future__ import annotations

import zlib

from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol, Opcode, RsvBits

from trioweb._wire.deflate import FLUSH_TAIL, NAME, DeflateAgreement
from trioweb._wire.utf8 import KNOWN_BYTES, NOT_UTF8, may_become_utf8
from trioweb.closing import CloseCode
from trioweb.errors import MessageTooBig, RemoteProtocolError

PART_BYTES = 64 * 1024
"""How much is inflated in one turn, which takes a quarter of a millisecond. Deflate can shrink data to a
thousandth, so the length of the input would be no bound."""

_ACCEPTED = RsvBits(rsv1=True, rsv2=False, rsv3=False)
_NOTHING_RESERVED = RsvBits(rsv1=False, rsv2=False, rsv3=False)


class Inflater(Extension):
    """Replaces wsproto's `PerMessageDeflate`; each connection has one.

    wsproto's own extension forgets the message in progress when a control frame arrives between
    its fragments, and it inflates a message to any length. Here control frames change nothing,
    and a message may inflate to `message_bytes`. `without_limit` is for messages that are handed
    out piece by piece: the caller bounds those by passing on little input at a time.

    A message that arrives whole in one frame is inflated by `CompressedFrame`, past wsproto, but
    with the same `stream`: for zlib the two decoders are one.

    Attributes:
        stream: zlib's object, with the context of earlier messages; `None` when there is none.
        keeps_context: Whether the next message goes on with it.
        message_bytes: How long a message may become.
        turn_bytes: How much was inflated since other connections last had their turn.
        without_limit: The open message may inflate to any length.
        complaint: What went wrong, when a hook has returned a `CloseReason`.
    """

    name = NAME

    def __init__(self, agreement: DeflateAgreement, *, message_bytes: int) -> None:
        # zlib does not accept 8 here either; a larger window reads what a smaller one wrote.
        self._window_bits = max(9, agreement.client_max_window_bits)
        self.keeps_context = not agreement.client_no_context_takeover
        self.message_bytes = message_bytes
        self._inflated_bytes = 0
        self.stream: zlib._Decompress | None = None
        self.turn_bytes = 0
        self._is_control = False
        self._is_compressed = self._is_text = False
        # Of a text, what this step of wsproto has inflated, which wsproto has not decoded yet, and
        # the bytes before that.
        self._fresh = self._known = b""
        self.without_limit = False
        self.complaint = ""

    def enabled(self) -> bool:
        """Return that the extension is in use, as the handshake has agreed."""
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
        """Return which reserved bits are ours. wsproto may call this twice for one header."""
        self._is_control = opcode.iscontrol()
        if self._is_control:
            return _NOTHING_RESERVED  # RFC 7692 §6.1: RSV1 is for data frames only,
        if opcode is Opcode.CONTINUATION:
            return _NOTHING_RESERVED  # and only for the first of a message
        self._is_compressed = rsv.rsv1
        self._is_text = opcode is Opcode.TEXT
        self._inflated_bytes = 0
        self._fresh = self._known = b""
        return _ACCEPTED

    def frame_inbound_payload_data(
        self,
        proto: FrameDecoder | FrameProtocol,  # noqa: ARG002 - wsproto's signature
        data: bytes,
    ) -> bytes | CloseReason:
        """Inflate a piece of payload."""
        if self._is_control or not self._is_compressed:
            return data
        self._known = (self._known + self._fresh[-KNOWN_BYTES:])[-KNOWN_BYTES:]
        self._fresh = b""
        return self._inflate(data)

    def frame_inbound_complete(
        self,
        proto: FrameDecoder | FrameProtocol,  # noqa: ARG002 - wsproto's signature
        fin: bool,
    ) -> bytes | CloseReason | None:
        """Inflate the tail that the peer has left out at the end of the message (RFC 7692 §7.2.2)."""
        if self._is_control or not self._is_compressed or not fin:
            return None
        # After a block with BFINAL there is no stream any more, and nothing for the tail to end.
        rest = self._inflate(FLUSH_TAIL) if self.stream is not None else b""
        self._fresh = b""
        if not self.keeps_context:
            self.stream = None
        return rest

    def end_turn_if_due(self) -> bool:
        """Return whether other connections should have their turn before more is inflated.

        If so, what this turn inflated is no longer counted: the next turn begins.
        """
        if self.turn_bytes < PART_BYTES:
            return False
        self.turn_bytes = 0
        return True

    def open_stream(self) -> zlib._Decompress:
        """Begin again, without a context."""
        self.stream = stream = zlib.decompressobj(-self._window_bits)
        return stream

    def inflate_at_limit(self, stream: zlib._Decompress, data: bytes) -> bytes:
        """Inflate what may still follow the last byte that a message may have: ends of blocks, but no byte.

        Of two faults, the first in the peer's bytes is reported, however they were cut into reads and slices.
        zlib alone would not allow that. Asked for the byte over the limit, it also reads whatever comes
        before the byte after that; if this is invalid, it raises an error, and the byte is lost. That can
        even happen in the tail, which is ours. So after an error, a copy inflates the input again, one
        byte at a time. The copy has a window of 32 KiB, but only a message of exactly the limit, or a
        longer one, comes here.

        Args:
            stream: What has inflated the message so far.
            data: Input.

        Raises:
            MessageTooBig: Another byte comes.
            zlib.error: It cannot be inflated, and no byte comes before that.
        """
        before = stream.copy()
        try:
            is_over_limit = bool(stream.decompress(data, 1))
        except zlib.error:
            # First without input: zlib may have read the next byte's code already.
            slices = [b"", *(data[place : place + 1] for place in range(len(data)))]
            is_over_limit = any(before.decompress(octet, 1) for octet in slices)
        if is_over_limit:
            raise self.too_big() from None
        return b""

    def broken(self, error: zlib.error) -> RemoteProtocolError:
        """Return the error for input that zlib cannot inflate."""
        return RemoteProtocolError(_broken(error), close_code=CloseCode.INVALID_PAYLOAD)

    def too_big(self) -> MessageTooBig:
        """Return the error for a message that inflates to more than the limit."""
        return MessageTooBig(
            f"a message that inflates to over {self.message_bytes} bytes (Limits.message_bytes)"
        )

    def _inflate(self, data: bytes) -> bytes | CloseReason:
        pieces: list[bytes] = []
        try:
            while data:
                stream = self.stream or self.open_stream()
                room = self.message_bytes - self._inflated_bytes
                if self.without_limit:
                    piece = stream.decompress(data)
                elif room > 0:
                    piece = stream.decompress(data, room)
                else:
                    piece = self.inflate_at_limit(stream, data)
                self._inflated_bytes += len(piece)
                self.turn_bytes += len(piece)
                pieces.append(piece)
                data = stream.unconsumed_tail
                if stream.eof:  # a block with BFINAL ends zlib's stream, not the message (RFC 7692 §7.2.3.4)
                    data, self.stream = stream.unused_data, None
                elif not (data or self.without_limit) and 0 < room == len(piece):
                    self.inflate_at_limit(stream, b"")  # zlib may hold the next byte, and no input may come
        except MessageTooBig as error:
            # The first fault counts, and wsproto looks at the text only after this.
            if self._is_text and not may_become_utf8(self._fresh + b"".join(pieces), self._known):
                self.complaint = NOT_UTF8
                return CloseReason.INVALID_FRAME_PAYLOAD_DATA
            self.complaint = str(error)
            return CloseReason.MESSAGE_TOO_BIG
        except zlib.error as error:
            self.complaint = _broken(error)
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        inflated = b"".join(pieces)
        if self._is_text:
            self._fresh = inflated
        return inflated


def _broken(error: zlib.error) -> str:
    return f"compressed data that cannot be inflated: {error}"
