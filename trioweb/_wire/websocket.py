"""A WebSocket's frames: bytes in, messages out; messages in, bytes out."""

from __future__ import annotations

from trioweb._wire.assembly import Assembly, most_compressed_bytes
from trioweb._wire.compressed_frame import CompressedFrame
from trioweb._wire.deflate import DeflateAgreement
from trioweb._wire.encoder import FrameEncoder
from trioweb._wire.events import PeerClosed, Ping, Pong, Violation, WireEvent
from trioweb._wire.fastlane import (
    INCOMPLETE,
    NOT_PLAIN,
    PlainFrame,
    compressed_payload,
    decode_control,
    decode_plain,
    decode_unmasked,
    plain_header,
)
from trioweb._wire.frames import COMPRESSED, KEY_BYTES, MASKED, control_payload, payload_bytes, shortened
from trioweb._wire.inflate import Inflater
from trioweb._wire.judge import Judge
from trioweb._wire.skipping import Skipping
from trioweb.closing import Close, CloseCode
from trioweb.errors import RemoteProtocolError

_STEPS = 16
"""Headers and payloads decoded in one call, so that tiny frames cannot keep others waiting."""

_INFLATED_SLICE = 256
"""Input bytes that wsproto has inflated at once: to 258 KiB at the most, deflate's bound being 1032 to 1."""


class WebSocketWire(FrameEncoder):
    """The server's side of one WebSocket after its handshake; no task, no clock, no socket.

    `ClientWire`, a subclass, is the client's: frames come without a mask and leave with one.

    `feed` what arrives, then ask for `events` until `is_pending` is false. It holds the
    open message, at most `message_bytes` of it, and input for which no events were requested
    yet; after a `PeerClosed` or a `Violation`, nothing.

    Receiving and sending know nothing of each other, and sending knows no states: the
    closing handshake belongs to the connection above, and any frame can be encoded at any
    time. Not thread-safe, and without async methods.

    Args:
        message_bytes: How long a message may be, inflated too; a longer one is answered with 1009.
        message_fragments: How many frames one may have; more are answered with 1008.
        deflate: What was agreed on about compression, if anything was.
        fast_lane: Whether plain frames are decoded without wsproto.

    Attributes:
        is_pending: `events` may have more to give without more input.
        is_holding: Decoding has stopped before a message that is too long; see `may_hold`.
        may_hold: Instead of reporting a message over `message_bytes`, wait for
            `start_streaming`, or for `may_hold` to be false again. Compressed ones are
            reported at once: nobody knows what the rest would inflate to.
        has_leftover: Input arrived after the frame that ended it.
        unfinished_bytes: How many bytes arrived that are not part of a whole message or control frame.
        control_header_bytes: How long the header of each control frame is that arrives.
    """

    __slots__ = (
        "_assembly",
        "_frame",
        "_has_lane",
        "_inflater",
        "_input",
        "_is_lane_open",
        "_is_over",
        "_judge",
        "_mask_bit",
        "_message_bytes",
        "_position",
        "has_leftover",
        "is_holding",
        "is_pending",
        "may_hold",
        "unfinished_bytes",
    )

    control_header_bytes = 2 + KEY_BYTES

    def __init__(
        self,
        *,
        message_bytes: int,
        message_fragments: int,
        deflate: DeflateAgreement | None = None,
        fast_lane: bool = True,
    ) -> None:
        super().__init__(deflate)
        self._mask_bit = MASKED  # which all frames of a client have, and none of a server (RFC 6455 §5.1)
        self._message_bytes = message_bytes
        self._assembly = Assembly(message_bytes=message_bytes, message_fragments=message_fragments)
        self._inflater = None if deflate is None else Inflater(deflate, message_bytes=message_bytes)
        self._judge: Judge | None = None
        self._frame: PlainFrame | CompressedFrame | Skipping | None = None
        self._has_lane = self._is_lane_open = fast_lane
        self._input = b""
        self._position = 0
        self._is_over = False
        self.is_pending = self.is_holding = self.may_hold = False
        self.has_leftover = False
        self.unfinished_bytes = 0

    def feed(self, data: bytes) -> None:
        """Take input. Nothing is decoded before `events` is called."""
        self.unfinished_bytes += len(data)
        if self._is_over:
            return
        if self._position < len(self._input):
            data = self._input[self._position :] + data
        self._input = data
        self._position = 0
        self.is_pending = True

    def feed_plain(self, data: bytes, out: list[str | bytes], most: int) -> bool:
        """Take input, and decode it at once if it is whole plain frames: the usual case.

        Args:
            data: Input.
            out: Up to `most` messages are appended to it.
            most: How many there is room for.

        Returns:
            Whether that was all. If not, `events` goes on.
        """
        if self._is_lane_open and not self._input:
            position = decode_plain(data, 0, out, most, self._message_bytes)
            if position == len(data):
                return True
            self._input = data
            self._position = position
            self.unfinished_bytes = len(data) - position
            self.is_pending = True
        else:
            self.feed(data)
        return False

    def events(self, most: int) -> list[WireEvent]:
        """Decode up to `most` events, or fewer; what is not decoded stays held."""
        out: list[WireEvent] = []
        if self._is_lane_open:
            data = self._input
            decode = decode_plain if self._mask_bit else decode_unmasked
            position = decode(data, self._position, out, most, self._message_bytes)
            if position == len(data):
                self._input = b""
                self._position = self.unfinished_bytes = 0
                self.is_pending = False
                return out
            if out:
                self._position = position
                self.unfinished_bytes = len(data) - position
        if len(out) < most and not self._is_over:
            self._is_lane_open = False  # it has done what it can; each step reports when it may go on
            try:
                self._decode(out, most)
            except RemoteProtocolError as error:
                out.append(
                    Violation(Close(error.close_code or CloseCode.PROTOCOL_ERROR, shortened(str(error))))
                )
                self._end()
        else:
            self._look_around()
        return out

    def start_streaming(self) -> None:
        """Hand out the open message, or the next if none is open, as `Fragment`s.

        It may be of any length, in any number of frames. The part collected so far comes
        first; after the last piece, messages come whole again.
        """
        if not self._is_over:
            self._assembly.is_streaming = True
            self._is_lane_open = self.is_holding = False
            self.is_pending = self.is_pending or self._assembly.has_backlog

    def stop_streaming(self) -> None:
        """Undo `start_streaming`, unless pieces of the message were handed out."""
        self._assembly.stop_streaming()
        self._look_around()

    def skip_messages(self) -> None:
        """Decode no more, since nobody will get it: only the peer's close, or a `Violation`, is still found.

        Everything collected or announced is dropped. This cannot be undone.
        """
        if self._is_over or isinstance(self._frame, Skipping):
            return
        unread, payload_left = (b"", 0) if self._judge is None else self._judge.give_back()
        if isinstance(self._frame, PlainFrame):
            payload_left = self._frame.payload_left
        self._frame = Skipping(payload_left, is_deflated=self._deflator is not None, mask_bit=self._mask_bit)
        self._inflater = self._judge = None
        self._assembly.clear()
        self._input = unread + self._input[self._position :]
        self._position = 0
        self._is_lane_open = self.is_holding = self._assembly.is_over_limit = False

    def _decode(self, out: list[WireEvent], most: int) -> None:
        """Decode what `events` could not decode in one step."""
        assembly = self._assembly
        if assembly.is_streaming:
            assembly.hand_out_backlog(out)
        self.is_holding = False
        for _ in range(_STEPS):
            if len(out) >= most:
                return
            if assembly.is_over_limit and not assembly.is_streaming:
                if assembly.is_compressed or not self.may_hold:
                    if out:  # the task that takes these may want the next one in pieces
                        return
                    raise assembly.too_big()
                self.is_holding = True
                return
            if self._is_lane_open:
                decode = decode_plain if self._mask_bit else decode_unmasked
                self._position = decode(self._input, self._position, out, most, self._message_bytes)
                self.unfinished_bytes = len(self._input) - self._position
                if len(out) >= most:
                    return
            if self._position == len(self._input) and type(self._frame) is not CompressedFrame:
                self._input = b""
                self._position = 0
                self.is_pending = False
                return
            if not self._step(out):
                return

    def _step(self, out: list[WireEvent]) -> bool:
        """Decode a header, or what there is of a payload; false stops for now."""
        frame = self._frame
        if frame is not None:
            if isinstance(frame, PlainFrame):
                self._take_plain_payload(frame, out)
            elif isinstance(frame, CompressedFrame):
                self._take_part(frame, out)
            else:
                return self._walk(frame, out)
        elif (
            not self._has_lane
            or self._assembly.is_open
            or not (self._judge is None or self._judge.is_between_frames)  # the property, without its call
        ):
            self._let_judge(out)
        elif (end := decode_control(self._input, self._position, out, self._mask_bit)) != self._position:
            self._position = end
            self.unfinished_bytes = len(self._input) - end
            if isinstance(out[-1], PeerClosed):
                self._end()
                return False
            self._is_lane_open = not self._assembly.is_streaming
            return True
        else:
            size = plain_header(self._input, self._position, self._mask_bit)
            if size == INCOMPLETE:
                return self._wait_for_rest()
            if size == NOT_PLAIN:
                if not self._take_compressed(out):
                    self._let_judge(out)
            else:
                self._begin_plain_frame(size, out)
        if self._judge is not None and self._judge.has_closed:
            self._end()
            return False
        self._look_around()
        return self._inflater is None or not self._inflater.end_turn_if_due()

    def _look_around(self) -> None:
        """Between two messages nothing is unfinished, and the next byte is the lane's: see `fastlane.py`."""
        if self._frame is None and not (self._is_over or self._assembly.is_open) and self._is_between_frames:
            self.unfinished_bytes = len(self._input) - self._position
            self._is_lane_open = self._has_lane and not self._assembly.is_streaming
        else:
            self._is_lane_open = False

    @property
    def _is_between_frames(self) -> bool:
        """Whether wsproto has no part of a frame."""
        return self._judge is None or self._judge.is_between_frames

    def _begin_plain_frame(self, size: int, out: list[WireEvent]) -> None:
        header = self._input[self._position : self._position + size]
        self._position += size
        self._assembly.begin_frame(header[0])
        self._assembly.announce(payload_bytes(header))
        self._frame = PlainFrame(header, payload_bytes(header))
        if not self._frame.payload_left:
            self._take_plain_payload(self._frame, out)

    def _walk(self, frame: Skipping, out: list[WireEvent]) -> bool:
        self._position = frame.walk(self._input, self._position, out)
        if out and isinstance(out[-1], PeerClosed):
            self._count_control(out[-1])
            self._end()
        elif frame.needs_input:
            return self._wait_for_rest()
        return False

    def _wait_for_rest(self) -> bool:
        """Keep the part of a header that is here until more of it comes."""
        self._input = self._input[self._position :]
        self._position = 0
        self.is_pending = False
        self._look_around()
        return False

    def _take_part(self, frame: CompressedFrame, out: list[WireEvent]) -> None:
        part = frame.next_part(is_limited=not self._assembly.is_streaming)
        if frame.is_complete:
            self._frame = None
        self._assembly.add(part, is_last=frame.is_complete, out=out)

    def _take_plain_payload(self, frame: PlainFrame, out: list[WireEvent]) -> None:
        piece = self._input[self._position : self._position + frame.payload_left]
        self._position += len(piece)
        part = frame.take(piece)
        self._assembly.add(part, is_last=not frame.payload_left, out=out)
        if not frame.payload_left:
            self._frame = None

    def _take_compressed(self, out: list[WireEvent]) -> bool:
        if self._inflater is None or self._assembly.is_streaming:
            return False
        most_bytes = most_compressed_bytes(self._message_bytes)
        found = compressed_payload(self._input, self._position, most_bytes, self._mask_bit)
        if found is None:
            return False
        first = self._input[self._position]
        self._position, payload = found
        frame = CompressedFrame(self._inflater, first & ~COMPRESSED, payload)
        part = frame.next_part()
        if frame.is_complete:
            out.append(part)
        else:
            self._frame = frame
            self._assembly.begin_frame(first)
            self._assembly.add(part, is_last=False, out=out)
        return True

    def _let_judge(self, out: list[WireEvent]) -> None:
        judge, is_streaming = self._judge, self._assembly.is_streaming
        if judge is None:
            judge = self._judge = Judge(self._assembly, self._inflater, self._mask_bit)
        if self._inflater is not None:
            self._inflater.without_limit = is_streaming
        known = len(out)
        if not judge.has_header:
            self._position = judge.take_header(self._input, self._position, out)
        else:
            most = _INFLATED_SLICE if self._assembly.is_compressed else len(self._input)
            self._position = judge.take_payload(self._input, self._position, most, out)
        if len(out) > known and isinstance(last := out[-1], (Ping, Pong, PeerClosed)):
            self._count_control(last)  # it may be within a message

    def _count_control(self, event: Ping | Pong | PeerClosed) -> None:
        """Count a control frame as finished."""
        self.unfinished_bytes -= self.control_header_bytes + len(control_payload(event))

    def _end(self) -> None:
        """Release everything: further input has no meaning (RFC 6455 §7.1.7)."""
        self._is_over = True
        self.has_leftover = self._position < len(self._input)
        self._is_lane_open = self.is_pending = self.is_holding = False
        self._input = b""
        self._position = 0
        self._frame = self._inflater = None
        self._assembly.clear()
        if self._judge is not None:
            self._judge.release()
