"""wsproto behind one class that owns its traps: the judge of every frame that is not plain."""

from __future__ import annotations

from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, Frame, FrameProtocol, Opcode, ParseFailed

from trioweb._wire.assembly import Assembly
from trioweb._wire.events import PeerClosed, Ping, Pong, WireEvent
from trioweb._wire.frames import BINARY, CLOSE, OPCODE, decode_close_payload, header_bytes, payload_bytes
from trioweb._wire.inflate import Inflater
from trioweb._wire.masking import apply_mask
from trioweb.errors import RemoteProtocolError

NOT_UTF8 = "text that is not UTF-8 (RFC 6455 §8.1)"


class Judge:
    """Gives wsproto the bytes of one frame at a time, and never more than that frame's.

    So it is known at every moment whether wsproto holds anything (`is_between_frames`), what a
    header announces before its payload comes, and no later frame is stuck behind one
    that ended the connection. What wsproto is kept from:

    - its `Connection`, which reports our failing the peer as the peer's close, swallows
      input after that, and refuses pongs while a close is on its way: only its
      `FrameProtocol` is used;
    - the payload of close frames, since it refuses code 1014;
    - permessage-deflate: `inflate.py`.

    Attributes:
        has_header: The current frame's header is whole.
        has_closed: The peer's close frame was taken.
        payload_left: Bytes that the current frame still announces.
    """

    __slots__ = (
        "_assembly",
        "_close_payload",
        "_header",
        "_inflater",
        "_protocol",
        "has_closed",
        "has_header",
        "payload_left",
    )

    def __init__(self, assembly: Assembly, inflater: Inflater | None) -> None:
        self._assembly = assembly
        self._inflater = inflater
        self._protocol: FrameProtocol | None = None
        self._header = bytearray()
        self._close_payload = b""
        self.has_closed = False
        self.has_header = False
        self.payload_left = 0

    @property
    def is_between_frames(self) -> bool:
        """Whether wsproto has no part of a frame."""
        return not self._header

    @property
    def is_data(self) -> bool:
        """Whether the current frame is part of a message."""
        return self._header[0] & OPCODE < CLOSE

    def take_header(self, data: bytes, position: int, out: list[WireEvent]) -> int:
        """Read as much of a header as there is; return where it stops.

        A frame without payload is complete with it.

        Raises:
            RemoteProtocolError: The header is wrong. That shows as early as the byte that is.
        """
        header = self._header
        if not header and data[position] & OPCODE <= BINARY:
            self._assembly.begin_frame(data[position])
        # The second byte says how long a header is; until it is here, it is what is wanted.
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
        """Read as much of the payload as there is, `most` bytes at once; return where it stops.

        Raises:
            RemoteProtocolError: What came is not what its frame may carry.
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
        """Return what has to be read again by whoever reads on, and how much payload is still to come."""
        header = bytes(self._header)
        if self.has_header and header[0] & OPCODE != CLOSE:
            return b"", self.payload_left
        return header + self._close_payload, 0

    def release(self) -> None:
        """Let go of wsproto, and of what it may hold."""
        self._protocol = self._inflater = None
        self._header.clear()
        self._close_payload = b""

    def _take_close_payload(self, piece: bytes, out: list[WireEvent]) -> None:
        self._close_payload += piece
        if not self.payload_left:
            self.has_closed = True
            out.append(
                PeerClosed(decode_close_payload(apply_mask(self._close_payload, bytes(self._header[-4:]))))
            )

    def _let_judge(self, piece: bytes, out: list[WireEvent]) -> None:
        protocol = self._protocol
        if protocol is None:
            extensions: list[Extension] = [] if self._inflater is None else [self._inflater]
            protocol = self._protocol = FrameProtocol(client=False, extensions=extensions)
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
            out.append(PeerClosed(decode_close_payload(b"")))  # any other is taken by ourselves
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
