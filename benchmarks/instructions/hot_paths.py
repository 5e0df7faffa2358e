"""The code that every message goes through, without sockets, scheduler and clock.

A path is prepared once and then walked step by step, each step like the one before it.
Preparing walks the first step and checks what comes out, so nothing wrong is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import attrs

from trioweb._transport.transport import READ_BYTES
from trioweb._websocket.outbox import Outbox
from trioweb._wire.client_wire import ClientWire
from trioweb._wire.deflate import DeflateAgreement, Deflator, negotiate_deflate
from trioweb._wire.events import PeerClosed, Ping, Pong, WireEvent
from trioweb._wire.frames import BINARY, CLOSE, COMPRESSED, CONTINUATION, FINAL, MASKED, PING, PONG, TEXT
from trioweb._wire.handshake import encode_accept, negotiate_handshake
from trioweb._wire.http1.wire import Http1Wire, RequestHead
from trioweb._wire.masking import mask_in_python
from trioweb._wire.websocket import WebSocketWire
from trioweb.closing import Close
from trioweb.config import Deflate, Limits

Step = Callable[[], object]

KEY = b"\x37\xfa\x21\x3d"
MOST_EVENTS = 64
"""How many events a connection asks for while its inbox is empty."""

HANDSHAKE = (
    b"GET /chat HTTP/1.1\r\nHost: example.org\r\nUser-Agent: counted\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nOrigin: http://example.org\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@attrs.frozen(kw_only=True)
class HotPath:
    """One path.

    Attributes:
        prepare: Returns the function that takes one step.
        steps: How many steps are counted: enough to make everything around them less than a thousandth.
        units: Messages, or other countable things, in a step.
        is_masked: Whether the path masks, so that it is also counted without the C function.
    """

    prepare: Callable[[], Step]
    steps: int
    units: int = 1
    is_masked: bool = False

    @property
    def all_units(self) -> int:
        """How many units are counted."""
        return self.steps * self.units


def masked_frame(first: int, payload: bytes) -> bytes:
    """Build a frame as clients send it (RFC 6455 §5.3)."""
    length = len(payload)
    if length < 126:
        header = bytes((first, MASKED | length))
    elif length < 0x10000:
        header = bytes((first, MASKED | 126)) + length.to_bytes(2, "big")
    else:
        header = bytes((first, MASKED | 127)) + length.to_bytes(8, "big")
    return header + KEY + mask_in_python(payload, KEY)


# A server has one for all connections, so making it does not belong to any path.
LIMITS = Limits()


def new_wire(deflate: DeflateAgreement | None = None, *, is_client: bool = False) -> WebSocketWire:
    """Make a wire as the server does by default, or as a client does."""
    return (ClientWire if is_client else WebSocketWire)(
        message_bytes=LIMITS.message_bytes, message_fragments=LIMITS.message_fragments, deflate=deflate
    )


def receive(wire: WebSocketWire, data: bytes) -> Sequence[WireEvent]:
    """Decode one read."""
    messages: list[str | bytes] = []
    if wire.feed_plain(data, messages, MOST_EVENTS):
        return messages
    return [*messages, *wire.events(MOST_EVENTS)]


def decoding(
    data: bytes,
    expected: Sequence[WireEvent],
    *,
    read_bytes: int = READ_BYTES,
    deflate: DeflateAgreement | None = None,
    is_client: bool = False,
) -> Step:
    """Feed `data` as reads of a socket would bring it, and ask for events as a connection does."""
    wire = new_wire(deflate, is_client=is_client)
    reads = [data[start : start + read_bytes] for start in range(0, len(data), read_bytes)]

    def step() -> list[WireEvent]:
        found: list[WireEvent] = []
        for read in reads:
            found += receive(wire, read)
        return found

    assert step() == expected
    return step


def encoding(
    message: str | bytes, *, deflate: DeflateAgreement | None = None, is_client: bool = False
) -> Step:
    """Encode one message again and again."""
    step = partial(new_wire(deflate, is_client=is_client).encode, message)
    assert step()
    return step


def closing() -> Step:
    """Make a wire, as a wire ends with this, decode a close frame and encode the answer."""
    data = masked_frame(FINAL | CLOSE, b"\x03\xe8bye")
    close = Close(1000, "bye")

    def step() -> tuple[list[WireEvent], bytes]:
        wire = new_wire()
        return list(receive(wire, data)), wire.encode_close(close)

    assert step() == ([PeerClosed(close)], b"\x88\x05\x03\xe8bye")
    return step


def ponging() -> Step:
    """Decode a ping and a pong, and encode the answer to the ping."""
    decode = decoding(
        masked_frame(FINAL | PING, b"still there?") + masked_frame(FINAL | PONG, b"yes"),
        [Ping(b"still there?"), Pong(b"yes")],
    )
    encode = new_wire().encode_pong

    def step() -> bytes:
        decode()
        return encode(b"still there?")

    return step


def opening() -> Step:
    """Read the raw bytes of a handshake, check them, and encode the 101."""

    def step() -> bytes:
        wire = Http1Wire(head_bytes=LIMITS.head_bytes)
        wire.feed(HANDSHAKE)
        head = wire.next_event()
        assert isinstance(head, RequestHead)
        accepted = negotiate_handshake(head, origins=None, scheme="http", subprotocols=(), compression=None)
        wire.switch_to_websocket()
        return encode_accept(accepted, ())

    assert step().startswith(b"HTTP/1.1 101 ")
    return step


def queueing(frame: bytes, count: int) -> Step:
    """Queue frames, gather them for one write, and advance past it."""
    outbox = Outbox(most_messages=LIMITS.outbox_messages, most_bytes=LIMITS.outbox_bytes)

    def step() -> int:
        for _ in range(count):
            outbox.push(frame)
        sent_bytes = sum(map(len, outbox.gather()))
        outbox.advance(sent_bytes)
        return sent_bytes

    assert step() == count * len(frame)
    return step


def plain_loop() -> Step:
    """Run what no change to trioweb can alter: integers, a list, a dictionary, calls, bytes."""

    def step() -> int:
        table: dict[int, bytes] = {}
        for number in range(100):
            table[number & 15] = number.to_bytes(2, "big")
        return sum(map(len, list(table.values())))

    assert step() == 32
    return step


TEXT_32 = "thirty-two characters of a text."
BINARY_1K = bytes(range(256)) * 4
JSON_1K = "".join(f'{{"id": {number}, "name": "somebody"}},\n' for number in range(100, 128))[:1024]
TEXT_64K = "Text, all of it. " * 3855 + "."
BINARY_1M = bytes(1 << 20)

WITHOUT_MEMORY = negotiate_deflate(["permessage-deflate"], Deflate(context_takeover=False))
assert WITHOUT_MEMORY is not None
DEFLATED = Deflator(WITHOUT_MEMORY).compress(JSON_1K.encode())
assert DEFLATED is not None

SERVER_FRAME_32 = new_wire().encode(TEXT_32)
assert isinstance(SERVER_FRAME_32, bytes)
FRAME_32 = masked_frame(FINAL | TEXT, TEXT_32.encode())
FRAGMENTS = (
    masked_frame(TEXT, JSON_1K[:300].encode())
    + masked_frame(CONTINUATION, JSON_1K[300:700].encode())
    + masked_frame(FINAL | CONTINUATION, JSON_1K[700:].encode())
)

CALIBRATION = "plain loop, nothing of trioweb"

HOT_PATHS: dict[str, HotPath] = {
    CALIBRATION: HotPath(prepare=plain_loop, steps=200),
    "decode text 32 B": HotPath(prepare=partial(decoding, FRAME_32, [TEXT_32]), steps=2000, is_masked=True),
    "decode text 32 B, 16 in a read": HotPath(
        prepare=partial(decoding, FRAME_32 * 16, [TEXT_32] * 16), steps=240, units=16, is_masked=True
    ),
    "decode binary 1 KiB": HotPath(
        prepare=partial(decoding, masked_frame(FINAL | BINARY, BINARY_1K), [BINARY_1K]),
        steps=1500,
        is_masked=True,
    ),
    "decode text 64 KiB": HotPath(
        prepare=partial(decoding, masked_frame(FINAL | TEXT, TEXT_64K.encode()), [TEXT_64K]),
        steps=64,
        is_masked=True,
    ),
    "decode binary 1 MiB, 17 reads": HotPath(
        prepare=partial(decoding, masked_frame(FINAL | BINARY, BINARY_1M), [BINARY_1M], read_bytes=64 * 1024),
        steps=11,
    ),
    "decode text 1 KiB, 3 fragments": HotPath(prepare=partial(decoding, FRAGMENTS, [JSON_1K]), steps=50),
    "decode deflated 1 KiB": HotPath(
        prepare=partial(
            decoding,
            masked_frame(FINAL | COMPRESSED | TEXT, DEFLATED),
            [JSON_1K],
            deflate=WITHOUT_MEMORY,
        ),
        steps=120,
    ),
    "encode text 32 B": HotPath(prepare=partial(encoding, TEXT_32), steps=8000),
    "encode text 64 KiB": HotPath(prepare=partial(encoding, TEXT_64K), steps=300),
    "encode deflated 1 KiB": HotPath(prepare=partial(encoding, JSON_1K, deflate=WITHOUT_MEMORY), steps=200),
    "client: decode text 32 B": HotPath(
        prepare=partial(decoding, SERVER_FRAME_32, [TEXT_32], is_client=True), steps=2000
    ),
    "client: decode text 32 B, 16 in a read": HotPath(
        prepare=partial(decoding, SERVER_FRAME_32 * 16, [TEXT_32] * 16, is_client=True), steps=240, units=16
    ),
    "client: encode text 32 B": HotPath(
        prepare=partial(encoding, TEXT_32, is_client=True), steps=8000, is_masked=True
    ),
    "client: encode text 64 KiB": HotPath(
        prepare=partial(encoding, TEXT_64K, is_client=True), steps=300, is_masked=True
    ),
    "ping and pong": HotPath(prepare=ponging, steps=90),
    "close": HotPath(prepare=closing, steps=140),
    "handshake": HotPath(prepare=opening, steps=40),
    "outbox, one frame in a write": HotPath(
        prepare=partial(queueing, new_wire().encode_pong(b"x" * 32), 1), steps=1500
    ),
    "outbox, 16 frames in a write": HotPath(
        prepare=partial(queueing, new_wire().encode_pong(b"x" * 32), 16), steps=200, units=16
    ),
}
