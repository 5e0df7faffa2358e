"""wsproto, which judges every frame that is not plain, and the one class that knows its pitfalls.

The judge decides what is legal. trioweb has no rules of its own for frames: where the fast lane
decodes a frame without wsproto, it does so because the outcome is known beforehand.
"""

from __future__ import annotations

from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, Frame, FrameProtocol, Opcode, ParseFailed

from trioweb._wire.assembly import Assembly
from trioweb._wire.events import PeerClosed, Ping, Pong, WireEvent
from trioweb._wire.frames import (
    BINARY,
    CLOSE,
    OPCODE,
    decode_close_payload,
    header_bytes,
    payload_bytes,
    unmasked,
)
from trioweb._wire.inflate import Inflater
from trioweb._wire.utf8 import NOT_UTF8
from trioweb.errors import RemoteProtocolError


class Judge:
    """Gives wsproto the bytes of one frame at a time, and never more.

    So it is known at every moment whether wsproto holds anything (`is_between_frames`), and what
    a header announces is known before its payload arrives. And no frame is stuck in wsproto
    after one that has ended the connection.

    Three parts of wsproto are not used:

    - Its `Connection`. It reports that we have failed the connection as if the peer had closed
      it, swallows input after that, and refuses to send pongs while a close is under way. Only
      its `FrameProtocol` is used.
    - Its reading of close frames, since it rejects code 1014.
    - Its permessage-deflate: see `inflate.py`.

    Args:
        assembly: Gets what wsproto finds.
        inflater: Inflates for wsproto, if compression was agreed on.
        mask_bit: `MASKED` or 0: what all frames have to have.

    Attributes:
        has_header: The current frame's header is complete.
        has_closed: The peer's close frame was read.
        payload_left: How many bytes of the current frame's payload have not arrived.
    """

    __slots__ = (
        "_assembly",
        "_close_payload",
        "_header",
        "_inflater",
        "_mask_bit",
        "_protocol",
        "has_closed",
        "has_header",
        "payload_left",
    )

    def __init__(self, assembly: Assembly, inflater: Inflater | None, mask_bit: int) -> None:
        self._assembly = assembly
        self._inflater = inflater
        self._mask_bit = mask_bit
        self._protocol: FrameProtocol | None = None
        self._header = bytearray()
        self._close_payload = b""
        self.has_closed = False
        self.has_header = False
        self.payload_left = 0

    @property
    def is_between_frames(self) -> bool:
        """Whether wsproto holds no part of a frame."""
        return not self._header

    @property
    def is_data(self) -> bool:
        """Whether the current frame is part of a message."""
        return self._header[0] & OPCODE < CLOSE

    def take_header(self, data: bytes, position: int, out: list[WireEvent]) -> int:
        """Read as much of a header as has arrived, and return where that ends.

        A frame without payload is complete with its header.

        Raises:
            RemoteProtocolError: The header is wrong, found at the first byte that is.
        """
        header = self._header
        if not header and data[position] & OPCODE <= BINARY:
            self._assembly.begin_frame(data[position])
        # The second byte says how long the header is. Until it has arrived, only these two are wanted.
        start = bytes(header) + data[position : position + 2]
        wanted = 2 if len(start) < 2 else header_bytes(start[1])
        piece = data[position : position + wanted - len(header)]
        header += piece
        if len(header) == wanted > 1:
            self.has_header = True
            self.payload_left = payload_bytes(header)
            if self.is_data:
                self._assembly.announce(self.payload_left)
        self._let_judge(piece, out)
        return position + len(piece)

    def take_payload(self, data: bytes, position: int, most: int, out: list[WireEvent]) -> int:
        """Read as much of the payload as has arrived, up to `most` bytes, and return where that ends.

        Raises:
            RemoteProtocolError: The frame may not carry this payload.
        """
        end = min(len(data), position + min(most, self.payload_left))
        piece = data[position:end]
        self.payload_left -= len(piece)
        if self._header[0] & OPCODE == CLOSE:
            self._take_close_payload(piece, out)
        else:
            self._let_judge(piece, out)
        return end

    def give_back(self) -> tuple[bytes, int]:
        """Return the bytes that the next decoder has to read again, and how much payload is missing."""
        header = bytes(self._header)
        if self.has_header and header[0] & OPCODE != CLOSE:
            return b"", self.payload_left
        return header + self._close_payload, 0

    def release(self) -> None:
        """Release wsproto, and everything that it may hold."""
        self._protocol = self._inflater = None
        self._header.clear()
        self._close_payload = b""

    def _take_close_payload(self, piece: bytes, out: list[WireEvent]) -> None:
        self._close_payload += piece
        if not self.payload_left:
            self.has_closed = True
            payload = unmasked(self._close_payload, bytes(self._header))
            out.append(PeerClosed(decode_close_payload(payload)))

    def _let_judge(self, piece: bytes, out: list[WireEvent]) -> None:
        protocol = self._protocol
        if protocol is None:
            extensions: list[Extension] = [] if self._inflater is None else [self._inflater]
            protocol = self._protocol = FrameProtocol(client=not self._mask_bit, extensions=extensions)
        protocol.receive_bytes(piece)
        try:
            for frame in protocol.received_frames():
                self._take_frame(frame, out)
        except ParseFailed as error:
            raise RemoteProtocolError(self._complaint(error), close_code=int(error.code)) from None

    def _take_frame(self, frame: Frame, out: list[WireEvent]) -> None:
        """Turn what wsproto found, a frame or a part of one, into events."""
        payload = frame.payload
        if frame.opcode is Opcode.CLOSE:
            self.has_closed = True
            out.append(PeerClosed(decode_close_payload(b"")))  # it has no payload: others never get here
        elif frame.opcode is Opcode.PING or frame.opcode is Opcode.PONG:
            assert isinstance(payload, bytes)
            out.append(Ping(payload) if frame.opcode is Opcode.PING else Pong(payload))
        else:
            assert not isinstance(payload, tuple)
            self._assembly.add(payload, is_last=frame.message_finished, out=out)
        if frame.frame_finished:
            self._header.clear()
            self.has_header = False

    def _complaint(self, error: ParseFailed) -> str:
        if self._inflater is not None and self._inflater.complaint:
            return self._inflater.complaint
        return NOT_UTF8 if error.code is CloseReason.INVALID_FRAME_PAYLOAD_DATA else str(error)
