"""Reading along: describes the frames of one direction as their bytes pass, however they are cut.

    TEXT  5 bytes  'hello'
    BINARY  70000 bytes  compressed  to be continued
    CLOSE  5 bytes  1000 'bye'

It judges nothing. The two sides find out by themselves whether a frame is wrong, and a test that fails because of
it wants to see the frame as it was. So the decoders of trioweb are of no use here: they stop at the first mistake.
"""

from __future__ import annotations

from collections.abc import Iterator

from trioweb._wire.frames import (
    BINARY,
    CLOSE,
    COMPRESSED,
    CONTINUATION,
    FINAL,
    MASKED,
    OPCODE,
    PING,
    PONG,
    TEXT,
    header_bytes,
    payload_bytes,
)
from trioweb._wire.masking import apply_mask

SHOWN_BYTES = 128
"""How much of a payload is kept to be shown."""

LINE_CHARACTERS = 60
LINE_BYTES = 20
"""Fewer than characters, since a byte may need four of them."""

OPCODE_NAMES = {
    CONTINUATION: "CONTINUATION",
    TEXT: "TEXT",
    BINARY: "BINARY",
    CLOSE: "CLOSE",
    PING: "PING",
    PONG: "PONG",
}


class SniffedFrame:
    """A frame whose header has passed, and the beginning of its payload.

    Attributes:
        opcode: The kind of frame.
    """

    __slots__ = ("_first", "_length", "_mask", "_shown", "opcode")

    def __init__(self, header: bytes) -> None:
        self._first = header[0]
        self.opcode = header[0] & OPCODE
        self._length = payload_bytes(header)
        self._mask = header[-4:] if header[1] & MASKED else b""
        self._shown = b""

    @property
    def is_upkeep(self) -> bool:
        """Whether it only shows that its sender is there."""
        return self.opcode in (PING, PONG)

    @property
    def length(self) -> int:
        """How long the payload is."""
        return self._length

    def keep(self, payload: bytes) -> None:
        """Keep as much of the payload as is shown."""
        room = SHOWN_BYTES - len(self._shown)
        if room > 0:
            self._shown += payload[:room]

    def __str__(self) -> str:
        name = OPCODE_NAMES.get(self.opcode, f"opcode {self.opcode}")
        words = [name, f"{self._length} byte{'' if self._length == 1 else 's'}"]
        is_compressed = bool(self._first & COMPRESSED)
        if is_compressed:
            words.append("compressed")
        if not self._first & FINAL:
            words.append("to be continued")
        payload = apply_mask(self._shown, self._mask) if self._mask else self._shown
        words.append(self._describe(payload, is_compressed=is_compressed))
        return "  ".join(filter(None, words))

    def _describe(self, payload: bytes, *, is_compressed: bool) -> str:
        """Return the payload as a line shows it.

        A compressed one is left out. Nobody can read it, and to inflate it, everything before it would have to be
        inflated as well.
        """
        if self.opcode == CLOSE and len(payload) >= 2:
            reason = payload[2:].decode(errors="replace")
            return f"{int.from_bytes(payload[:2], 'big')} {reason!r}"
        if is_compressed or not payload:
            return ""
        if self.opcode in (TEXT, CONTINUATION):
            return shortened_repr(payload.decode(errors="replace"), is_cut=self._length > len(payload))
        return shortened_repr(payload, is_cut=self._length > len(payload))


class FrameSniffer:
    """Finds the frames in what one side sends."""

    __slots__ = ("_frame", "_header", "_left_bytes")

    def __init__(self) -> None:
        self._header = b""
        self._frame: SniffedFrame | None = None
        self._left_bytes: int = 0

    def feed(self, data: bytes) -> Iterator[SniffedFrame]:
        """Yield each frame that has passed whole.

        Of a payload only the beginning is kept, and the rest is counted: a message of a megabyte costs a test
        what a short one does.
        """
        while True:
            if self._frame is not None:
                payload, data = data[: self._left_bytes], data[self._left_bytes :]
                self._left_bytes -= len(payload)
                self._frame.keep(payload)
                if self._left_bytes:
                    return
                frame, self._frame = self._frame, None
                yield frame
            # A header has 2 to 14 bytes, and its second byte says how many (RFC 6455 §5.2).
            self._header, data = self._header + data[:14], data[14:]
            size = header_bytes(self._header[1]) if len(self._header) > 1 else 2
            if len(self._header) < size or len(self._header) < 2:
                return
            data = self._header[size:] + data
            self._frame, self._header = SniffedFrame(self._header[:size]), b""
            self._left_bytes = self._frame.length

    def unfinished(self) -> SniffedFrame | None:
        """Return the frame of which only a part has passed."""
        return self._frame


def shortened_repr(value: str | bytes, *, is_cut: bool = False) -> str:
    """Return the `repr` of a text or of bytes, cut to what fits a line."""
    cut = value[: LINE_CHARACTERS if isinstance(value, str) else LINE_BYTES]
    return repr(cut) + ("..." if is_cut or len(cut) < len(value) else "")
