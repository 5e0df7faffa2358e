"""The message that is being received: its rules, its limits, and its parts until it is whole.

Three decoders bring parts of messages: wsproto, `PlainFrame` and `CompressedFrame`. The facts of a message,
rather than of a frame, are kept here and only here: whether a continuation is in turn, how many frames there
are, how long they are together. So a rule holds whichever decoder brings the frame that breaks it.
"""

from __future__ import annotations

from trioweb._wire.events import Fragment, WireEvent
from trioweb._wire.frames import COMPRESSED, CONTINUATION, OPCODE
from trioweb.closing import CloseCode
from trioweb.errors import MessageTooBig, RemoteProtocolError

_LOOSE_PARTS = 256
"""How many parts are kept apart before they are joined. A peer that sends its message byte by byte would
otherwise make us hold an object for each byte, some fifty times what it sent."""


def most_compressed_bytes(message_bytes: int) -> int:
    """Return how long a compressed message may be on the wire, if it may inflate to `message_bytes`.

    What it really inflates to is counted in `inflate.py`. This bound keeps a peer from sending
    more than any honest one needs: deflate makes data that does not compress longer, but by no
    more than an eighth, with the worst of zlib's settings.
    """
    return message_bytes + (message_bytes >> 3) + 1024


class Assembly:
    """Collects one message after another, whichever decoder its parts come from.

    It appends whole messages, or pieces of the message that is streamed, to the list of events
    that it is given. Lengths are counted in bytes as the frames' headers announce them, so a
    message that is going to be too long is known before its payload arrives.

    Attributes:
        is_open: A message has begun and not ended.
        is_compressed: That message is compressed (RFC 7692 §6).
        is_over_limit: It is longer than `message_bytes`, or its headers say that it will be.
        is_streaming: It is handed out piece by piece; if no message is open, the next one will be.
    """

    __slots__ = (
        "_announced_bytes",
        "_folded",
        "_fragments",
        "_has_handed_out",
        "_message_bytes",
        "_message_fragments",
        "_parts",
        "is_compressed",
        "is_open",
        "is_over_limit",
        "is_streaming",
    )

    def __init__(self, *, message_bytes: int, message_fragments: int) -> None:
        self._message_bytes = message_bytes
        self._message_fragments = message_fragments
        self._announced_bytes = 0
        self._fragments = 0
        self._has_handed_out = False
        self._parts: list[str | bytes] = []
        self._folded: list[str | bytes] = []
        self.is_open = False
        self.is_compressed = False
        self.is_over_limit = False
        self.is_streaming = False

    def begin_frame(self, first: int) -> None:
        """Note that a data frame begins, by its first byte.

        Raises:
            RemoteProtocolError: It is out of turn, or the message has too many frames.
        """
        if first & OPCODE == CONTINUATION:
            if not self.is_open:  # RFC 6455 §5.4
                raise RemoteProtocolError(
                    "a continuation frame without a message to continue (RFC 6455 §5.4)"
                )
        elif self.is_open:
            raise RemoteProtocolError("a new message before the last one's final frame (RFC 6455 §5.4)")
        else:
            self.is_open = True
            self.is_compressed = bool(first & COMPRESSED)
            self._announced_bytes = self._fragments = 0
        self._fragments += 1
        # Frames are limited because each part costs memory beyond its bytes. A streamed message keeps no
        # parts, so it may have as many as it likes.
        if self._fragments > self._message_fragments and not self.is_streaming:
            raise RemoteProtocolError(
                f"a message of more than {self._message_fragments} frames (Limits.message_fragments)",
                close_code=CloseCode.POLICY_VIOLATION,
            )

    def announce(self, payload_bytes: int) -> None:
        """Note how long a payload the frame's header announces."""
        self._announced_bytes = announced = self._announced_bytes + payload_bytes
        allowed = self._message_bytes
        self.is_over_limit = announced > (most_compressed_bytes(allowed) if self.is_compressed else allowed)

    def add(self, data: str | bytes, *, is_last: bool, out: list[WireEvent]) -> None:
        """Take a decoded part; `is_last` says that the message ends with it."""
        if self.is_streaming:
            self._hand_out(data, is_last=is_last, out=out)
        elif is_last:
            out.append(self._joined(data) if self._parts or self._folded else data)
        elif data:
            self._parts.append(data)
            if len(self._parts) == _LOOSE_PARTS:
                self._folded.append(_join(self._parts))
                self._parts.clear()
        if is_last:
            self.is_open = self.is_over_limit = False

    def hand_out_backlog(self, out: list[WireEvent]) -> None:
        """Hand out what was collected before the handler asked for the message in pieces."""
        if self.is_streaming and (self._parts or self._folded):
            last = self._parts.pop() if self._parts else self._folded.pop()
            self._has_handed_out = True
            out.append(Fragment(self._joined(last), is_last=False))

    def stop_streaming(self) -> None:
        """Collect again, except for a message of which pieces were already handed out."""
        self.is_streaming = self._has_handed_out

    @property
    def has_backlog(self) -> bool:
        """Whether `hand_out_backlog` has something to give."""
        return self.is_streaming and bool(self._parts or self._folded)

    def too_big(self) -> MessageTooBig:
        """Return the error for a message over the limit."""
        return MessageTooBig(f"a message of more than {self._message_bytes} bytes (Limits.message_bytes)")

    def clear(self) -> None:
        """Release all parts."""
        self._parts.clear()
        self._folded.clear()

    def _hand_out(self, data: str | bytes, *, is_last: bool, out: list[WireEvent]) -> None:
        self.hand_out_backlog(out)
        if data or is_last:
            out.append(Fragment(data, is_last))
            self._has_handed_out = not is_last
        self.is_streaming = not is_last

    def _joined(self, last: str | bytes) -> str | bytes:
        message = _join([*self._folded, *self._parts, last])
        self.clear()
        return message


def _join(parts: list[str | bytes]) -> str | bytes:
    # The parts of one message are all of one kind, which the type checker cannot know.
    return "".join(parts) if isinstance(parts[0], str) else b"".join(parts)  # type: ignore[arg-type]
