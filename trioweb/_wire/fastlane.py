"""The fast lane: plain frames are decoded without wsproto, which judges all others.

A frame is *plain* when it is final, of text or binary data, without reserved bits, has a mask if a client
sent it and none if a server did, gives its length in the shortest form, and no message is open. wsproto would
find one message in it, and nothing wrong except text that is not UTF-8. A ping, pong or close is plain when it
is final, without reserved bits, masked likewise, and has at most 125 bytes. It may come between the frames of
a message and changes nothing about that message.

Why this is safe: the lane decides by the header alone, and takes nothing on which the two could differ. A
frame is never split between them. wsproto never sees part of a message that the lane has begun, nor the
other way round. Whatever looks unusual goes to wsproto, so the lane could err only by taking too much; a
property test looks for that.

Which decoder takes what:

| wsproto holds | what comes                            | who decodes it                      |
|---------------|---------------------------------------|-------------------------------------|
| nothing       | whole plain frames, within the limit  | `decode_plain`, or `decode_unmasked` in a client |
| nothing       | any other plain frame: incomplete, too long, not UTF-8, or to be streamed | `PlainFrame` |
| nothing       | a whole plain ping, pong or close     | `decode_control`                    |
| nothing       | a whole message in one compressed frame | `CompressedFrame`                 |
| nothing       | part of a header, plain so far        | none: it waits, 13 bytes at most    |
| nothing       | anything else                         | wsproto                             |
| part of a frame, or an open message | anything        | wsproto                             |

wsproto holds nothing again when its frame is complete and no message is open; the next byte is the lane's.
Whichever of them inflates does so through the same `Inflater`, so they share one context. A connection on which
only plain frames arrive, from the first message to the close, never needs a wsproto object.
"""

from __future__ import annotations

from codecs import IncrementalDecoder
from collections.abc import Callable
from typing import Any

from trioweb._wire.events import PeerClosed, Ping, Pong, WireEvent
from trioweb._wire.frames import (
    BINARY,
    CLOSE,
    COMPRESSED,
    CONTROL_BYTES,
    EIGHT_BYTES,
    FINAL,
    KEY_BYTES,
    LENGTH,
    MASKED,
    PING,
    PONG,
    TEXT,
    TWO_BYTES,
    decode_close_payload,
    payload_bytes,
    unmasked,
)
from trioweb._wire.masking import apply_mask
from trioweb._wire.utf8 import NOT_UTF8, utf8_decoder
from trioweb.closing import CloseCode
from trioweb.errors import RemoteProtocolError

_FINAL_TEXT = FINAL | TEXT
_FINAL_BINARY = FINAL | BINARY

_CONTROL_DECODERS: dict[int, Callable[[bytes], WireEvent]] = {
    FINAL | CLOSE: lambda payload: PeerClosed(decode_close_payload(payload)),
    FINAL | PING: Ping,
    FINAL | PONG: Pong,
}

NOT_PLAIN = -1
INCOMPLETE = 0


def decode_plain(data: bytes, position: int, out: list[Any], most: int, message_bytes: int) -> int:
    """Decode whole plain frames until something else comes, or `out` has `most` events.

    Every message of a busy server passes here. So this is one loop that calls nothing but the
    mask, looks nothing up twice, and makes no object but the messages. Checks that hardly ever
    fail come last, and whatever fails one is left to the others, which find out why.

    Args:
        data: Input.
        position: Where a frame begins in it.
        out: Messages are appended to it.
        most: How long `out` may become.
        message_bytes: Longer frames are left to the other decoders.

    Returns:
        Where the first frame begins that was not decoded.
    """
    end = len(data) - 5  # the shortest frame has six bytes
    append = out.append
    unmask = apply_mask
    room = most - len(out)
    while position < end and room > 0:
        first = data[position]
        length = (
            data[position + 1] - MASKED
        )  # negative if there is no mask: rejected with the long ones, below
        start = position + 6
        if length > 125:
            if length == TWO_BYTES:
                length = int.from_bytes(data[position + 2 : position + 4], "big")
                start = position + 8
                if length < TWO_BYTES:
                    break
            else:
                length = int.from_bytes(data[position + 2 : position + 10], "big")
                start = position + 14
                if length < 0x10000:
                    break
        stop = start + length
        if length < 0 or length > message_bytes or stop > end + 5:
            break
        if first == _FINAL_TEXT:
            try:
                append(unmask(data[start:stop], data[start - 4 : start]).decode())
            except UnicodeDecodeError:
                break
        elif first == _FINAL_BINARY:
            append(unmask(data[start:stop], data[start - 4 : start]))
        else:
            break
        position = stop
        room -= 1
    return position


def decode_unmasked(data: bytes, position: int, out: list[Any], most: int, message_bytes: int) -> int:
    """Do for a client what `decode_plain` does for a server, whose frames have no mask.

    A second loop rather than a parameter, which every message of either side would have to pay for.
    """
    end = len(data) - 1  # the shortest frame has two bytes
    append = out.append
    room = most - len(out)
    while position < end and room > 0:
        first = data[position]
        length = data[position + 1]
        start = position + 2
        if length > 125:
            if length == TWO_BYTES:
                length = int.from_bytes(data[position + 2 : position + 4], "big")
                start = position + 4
                if length < TWO_BYTES:
                    break
            elif length == EIGHT_BYTES:
                length = int.from_bytes(data[position + 2 : position + 10], "big")
                start = position + 10
                if length < 0x10000:
                    break
            else:
                break  # it has a mask
        stop = start + length
        if length > message_bytes or stop > end + 1:
            break
        if first == _FINAL_TEXT:
            try:
                append(data[start:stop].decode())
            except UnicodeDecodeError:
                break
        elif first == _FINAL_BINARY:
            append(data[start:stop])
        else:
            break
        position = stop
        room -= 1
    return position


def decode_control(data: bytes, position: int, out: list[WireEvent], mask_bit: int) -> int:
    """Decode a whole plain control frame, if one begins there (RFC 6455 §5.5).

    Args:
        data: Input.
        position: Where a frame begins in it.
        out: What it means is appended to it.
        mask_bit: `MASKED` or 0: what the frame has to have.

    Returns:
        Where it ends; `position` if there is none, or it is incomplete.

    Raises:
        RemoteProtocolError: It is a close frame whose payload is wrong.
    """
    start = position + (6 if mask_bit else 2)
    header = data[position:start]
    if start > len(data) or (length := header[1] ^ mask_bit) > CONTROL_BYTES:
        return position
    stop = start + length
    decode = _CONTROL_DECODERS.get(header[0])
    if decode is None or stop > len(data):
        return position
    payload = data[start:stop]
    if mask_bit:
        payload = apply_mask(payload, header[2:])
    out.append(decode(payload))
    return stop


def compressed_payload(
    data: bytes, position: int, most_bytes: int, mask_bit: int
) -> tuple[int, bytes] | None:
    """Take a whole message that is compressed in one frame, if one begins there (RFC 7692 §7.2.2).

    Args:
        data: Input.
        position: Where a frame begins in it.
        most_bytes: Longer payloads are left to the other decoders.
        mask_bit: `MASKED` or 0: what the frame has to have.

    Returns:
        Where the frame ends, and its payload, unmasked; `None` if it is another kind of frame, or incomplete.
    """
    first = data[position] & ~COMPRESSED
    if first == data[position] or first not in {_FINAL_TEXT, _FINAL_BINARY}:
        return None
    # Apart from the reserved bit, its header is that of a plain frame.
    size = plain_header(bytes((first,)) + data[position + 1 : position + 14], 0, mask_bit)
    if size <= 0:
        return None
    start = position + size
    header = data[position:start]
    stop = start + payload_bytes(header)
    if stop > len(data) or stop - start > most_bytes:
        return None
    return stop, unmasked(data[start:stop], header)


def plain_header(data: bytes, position: int, mask_bit: int) -> int:
    """Return how long the plain frame's header is, or `NOT_PLAIN`, or `INCOMPLETE`.

    Part of a header may be enough to see that the frame is not plain. Then this says so at once,
    because wsproto reports a wrong header at the byte that is wrong, and the lane must not be later.

    Args:
        data: Input.
        position: Where a frame begins in it.
        mask_bit: `MASKED` or 0: what the frame has to have.
    """
    header = data[position : position + 14]
    if header[0] not in {_FINAL_TEXT, _FINAL_BINARY}:
        return NOT_PLAIN
    if len(header) < 2:
        return INCOMPLETE
    length = header[1] ^ mask_bit
    if length > LENGTH:  # there is a mask and must be none, or the other way round
        return NOT_PLAIN
    if length < TWO_BYTES:
        size = 2
    elif length == TWO_BYTES:
        size = 4
        if len(header) >= 4 and int.from_bytes(header[2:4], "big") < TWO_BYTES:
            return NOT_PLAIN
    else:
        size = 10
        # RFC 6455 §5.2: the shortest form, and the topmost bit 0
        if len(header) >= 10 and not 0xFFFF < int.from_bytes(header[2:10], "big") < 1 << 63:
            return NOT_PLAIN
    if mask_bit:
        size += KEY_BYTES
    return size if len(header) >= size else INCOMPLETE


class PlainFrame:
    """A plain frame taken piece by piece, unmasked and decoded as it arrives.

    A long message would otherwise be held twice, as bytes and as text, once it is complete; and
    text that is not UTF-8 would be noticed only at its end.

    Attributes:
        payload_left: How many bytes of payload have not arrived.
    """

    __slots__ = ("_decoder", "_key", "payload_left")

    def __init__(self, header: bytes, payload_bytes: int) -> None:
        self._key = header[-KEY_BYTES:] if header[1] & MASKED else b""
        self._decoder: IncrementalDecoder | None = utf8_decoder() if header[0] == _FINAL_TEXT else None
        self.payload_left = payload_bytes

    def take(self, piece: bytes) -> str | bytes:
        """Decode the next piece of payload.

        Raises:
            RemoteProtocolError: The text is not UTF-8, found at the first byte that shows it.
        """
        self.payload_left -= len(piece)
        if key := self._key:
            turned = len(piece) & 3
            piece = apply_mask(piece, key)
            self._key = key[turned:] + key[:turned]
        if self._decoder is None:
            return piece
        try:
            return self._decoder.decode(piece, final=not self.payload_left)
        except UnicodeDecodeError:
            raise RemoteProtocolError(NOT_UTF8, close_code=CloseCode.INVALID_PAYLOAD) from None
