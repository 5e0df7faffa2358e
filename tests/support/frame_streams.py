"""Streams of frames, good, bad and damaged, and the pieces they are cut into: read from a tape of bytes.

Hypothesis draws one tape for each example instead of a value for each decision, which makes
five times as many examples in the same time. A simpler tape, with bytes lowered to
0, makes a simpler stream, so failing examples still shrink.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TypeVar

import attrs

from trioweb.testing import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame
from trioweb.testing.raw.frames import EXAMPLE_MASK

Choice = TypeVar("Choice")

TEXTS = (
    "",
    "a",
    "é",
    "hello",
    "€uro",
    "zwölf Boxkämpfer",
    "𝄞 clef",
    "x" * 124,
    "\0\x7f\x80߿ࠀ퟿\ue000\uffff𐀀\U0010ffff",
)
LENGTHS = (0, 1, 2, 3, 4, 5, 7, 16, 100, 124, 125, 126, 127, 128, 300, 319, 320, 321, 400)
LONG_LENGTHS = (65534, 65535, 65536, 65537, 70_000)
# As (bytes of the length field, length). Only the shortest form is legal, and 2 ** 63 is too long.
ODD_LENGTHS = (
    *((2, 125), (2, 0), (2, 1), (2, 126)),
    *((8, 65535), (8, 65536), (8, 0), (8, 125), (8, 126), (8, 1 << 16 | 5), (8, 1 << 32), (8, (1 << 63) - 1)),
    *((8, 1 << 63), (8, 1 << 63 | 5), (8, (1 << 64) - 1)),
)
NOT_TEXT = (
    b"\xff",
    b"\x80",
    b"\xc3",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xe1\xbd",
    b"\xf0\x9d\x84",
)
CODES = (1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999)
WRONG_CODES = (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)
PROBES = (((TEXT, b"probe"),), ((CONTINUATION, b"probe"), (BINARY, b"probe")), ())
"""After a stream, they show whether two wires are at the same place in it."""

NO_CHANGE = bytes(4)
"""A mask under which a payload looks like frames to a parser that is out of step."""

EMBEDDED = {
    is_masked: frame(TEXT, b"embedded", mask=EXAMPLE_MASK if is_masked else None) * 2 for is_masked in (0, 1)
}

OPCODES = (TEXT, BINARY, CONTINUATION, PING, PONG, CLOSE, 3, 4, 7, 11, 12, 15)


class Tape:
    """Bytes that make the decisions. After the end there are only zeros, the simplest choices."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, count: int) -> bytes:
        taken = self._data[self._position : self._position + count]
        self._position += count
        return taken.ljust(count, b"\0")

    def below(self, limit: int) -> int:
        """A number from 0, decided by one byte, or by two if one is not enough."""
        return int.from_bytes(self.take(1 if limit <= 64 else 3), "big") % limit

    def choose(self, options: Sequence[Choice]) -> Choice:
        return options[self.below(len(options))]

    def one_in(self, count: int) -> bool:
        return self.below(count) == count - 1


class Writer:
    """Writes frames one after another, and records where each begins; a client's are masked."""

    def __init__(self, tape: Tape, *, is_masked: bool, is_deflated: bool, keeps_context: bool) -> None:
        self.tape = tape
        self.is_masked = is_masked
        self.is_deflated = is_deflated
        self.keeps_context = keeps_context
        self.compressor = zlib.compressobj(wbits=-12)
        self.data = b""
        self.starts: list[int] = []

    def put(self, opcode: int, payload: bytes = b"", **parts: object) -> None:
        self.starts.append(len(self.data))
        mask = (
            self.tape.choose((EXAMPLE_MASK, EXAMPLE_MASK, NO_CHANGE, self.tape.take(4)))
            if self.is_masked
            else None
        )
        self.data += frame(opcode, payload, **{"mask": mask, **parts})

    def payload(self, opcode: int) -> bytes:
        """A legal payload of a message; for text, sometimes an illegal one."""
        tape = self.tape
        if opcode == TEXT and not tape.one_in(4):
            text = "".join(tape.choose(TEXTS) for _ in range(1 + tape.below(3))).encode()
            if tape.one_in(8):
                place = tape.below(len(text) + 1)
                text = text[:place] + tape.choose(NOT_TEXT) + text[place:]
            return text
        if tape.one_in(6):
            return EMBEDDED[self.is_masked]
        length = tape.choose(LONG_LENGTHS) if tape.one_in(40) else tape.choose(LENGTHS)
        seed = tape.take(3) if opcode == BINARY else tape.choose((b"abc", "ö".encode(), "€".encode()))
        return (seed * length)[:length] if opcode == BINARY else (seed * length)[: length // 6 * 6]

    def message(self, *, is_ended: bool = True) -> None:
        """One message, cut into frames anywhere, with control frames between them."""
        tape = self.tape
        opcode = tape.choose((TEXT, BINARY))
        payload = self.payload(opcode)
        reserved = 0
        if self.is_deflated and tape.one_in(2):
            payload, reserved = self.compressed(payload), 4
        places = sorted(tape.below(len(payload) + 1) for _ in range(tape.choose((0, 0, 0, 1, 2, 5))))
        if not is_ended:
            places.append(len(payload))
        for index, (start, end) in enumerate(zip([0, *places], [*places, len(payload)], strict=True)):
            if not is_ended and index == len(places):
                break
            self.put(
                CONTINUATION if index else opcode,
                payload[start:end],
                is_final=index == len(places),
                reserved=0 if index else reserved,
            )
            if tape.one_in(4):
                self.control()

    def compressed(self, payload: bytes) -> bytes:
        """The payload after permessage-deflate; sometimes its end is missing."""
        if not self.keeps_context:
            self.compressor = zlib.compressobj(wbits=-12)
        whole = self.compressor.compress(payload) + self.compressor.flush(zlib.Z_SYNC_FLUSH)
        return whole[: -4 - self.tape.choose((0, 0, 0, 0, 0, 1, 2, 3))]

    def open_message(self) -> None:
        """A message that begins, continues for a while, and may or may not end."""
        self.message(is_ended=False)
        for _ in range(self.tape.below(4)):
            self.tape.choose((self.control, self.go_on, self.go_on))()
        if not self.tape.one_in(3):
            self.go_on(is_final=True)

    def go_on(self, *, is_final: bool = False) -> None:
        self.put(CONTINUATION, self.payload(self.tape.choose((TEXT, BINARY))), is_final=is_final)

    def plain_run(self) -> None:
        """Many small messages, as on a busy connection."""
        for _ in range(1 + self.tape.below(20)):
            opcode = self.tape.choose((TEXT, BINARY))
            self.put(opcode, self.tape.choose(TEXTS).encode())

    def control(self) -> None:
        self.put(self.tape.choose((PING, PONG)), self.tape.choose((b"", b"beat", b"x" * 125)))

    def close(self) -> None:
        tape = self.tape
        code = tape.choose(CODES if tape.one_in(2) else WRONG_CODES).to_bytes(2, "big")
        reason = tape.choose((*(text.encode() for text in TEXTS[:6]), *NOT_TEXT))
        self.put(CLOSE, tape.choose((code + reason, code, b"", code[:1], code + reason)))

    def odd_frame(self) -> None:
        """Any opcode with any bits, often with only one of them wrong."""
        tape = self.tape
        self.put(
            tape.choose(OPCODES),
            tape.choose((b"", b"odd", b"x" * 125, b"x" * 126, b"\xff")),
            is_final=not tape.one_in(3),
            reserved=tape.choose((0, 0, 0, 0, 1, 2, 4, 7)),
        )

    def of_other_side(self) -> None:
        """A frame without a mask that should have one, or the other way round."""
        payload = self.tape.choose((b"", b"naked", b"x" * 126, b"x" * 70_000))
        mask = None if self.is_masked else EXAMPLE_MASK
        self.put(self.tape.choose((TEXT, BINARY, CONTINUATION, PING)), payload, mask=mask)

    def odd_length(self) -> None:
        """A length in any form, followed by as many bytes or not."""
        tape = self.tape
        size, length = tape.choose(ODD_LENGTHS)
        first = tape.choose((0x81, 0x82, 0x82, 0x01, 0x80, 0x89))
        self.starts.append(len(self.data))
        form = 126 if size == 2 else 127
        self.data += bytes((first, form | (0x80 if self.is_masked else 0))) + length.to_bytes(size, "big")
        self.data += EXAMPLE_MASK if self.is_masked else b""
        self.data += (
            EXAMPLE_MASK * 17_500
            if tape.one_in(4)
            else (EXAMPLE_MASK * (length // 4 % 17_500 + 1))[: length % 70_000]
        )

    def noise(self) -> None:
        self.starts.append(len(self.data))
        self.data += self.tape.take(1 + self.tape.below(16))


GOOD = (Writer.message, Writer.message, Writer.plain_run, Writer.control)
BAD = (
    Writer.odd_frame,
    Writer.of_other_side,
    Writer.odd_length,
    Writer.open_message,
    Writer.close,
    Writer.noise,
)


def write_stream(tape: Tape, plan: Plan) -> Writer:
    """Frames that are all good, or with some bad ones; every second stream has an open message."""
    breaks_agreement = tape.one_in(4)
    writer = Writer(
        tape,
        is_masked=plan.is_masked,
        is_deflated=plan.is_deflated,
        keeps_context=plan.keeps_context is not breaks_agreement,
    )
    kind = tape.choose(("good", "bad", "open", "open and bad"))
    for _ in range(tape.below(4)):
        tape.choose(GOOD)(writer)
    if "open" in kind:
        writer.open_message()
    for _ in range(tape.below(4)):
        tape.choose(BAD if "bad" in kind and tape.one_in(2) else GOOD)(writer)
    return writer


def place_near_frame(tape: Tape, writer: Writer) -> int:
    """A place anywhere, but mostly in or near a header, where decisions are made."""
    if tape.one_in(4) or not writer.starts:
        return tape.below(len(writer.data) + 1)
    return min(len(writer.data), tape.choose(writer.starts) + tape.below(16))


def damaged(tape: Tape, writer: Writer) -> bytes:
    """A stream as a bad network or a bad program damages it."""
    data = writer.data
    place = place_near_frame(tape, writer)
    match tape.choose(("flip a bit", "change", "leave out", "put in", "repeat", "cut off")):
        case "flip a bit":
            changed = bytes(octet ^ (1 << tape.below(8)) for octet in data[place : place + 1])
        case "change":
            changed = tape.take(len(data[place : place + 1]))
        case "leave out":
            return data[:place] + data[place + 1 + tape.below(6) :]
        case "put in":
            return data[:place] + tape.take(1 + tape.below(6)) + data[place:]
        case "repeat":
            return data[: place + 1 + tape.below(40)] + data[place:]
        case _:
            return data[:place]
    return data[:place] + changed + data[place + len(changed) :]


def cut(tape: Tape, data: bytes, writer: Writer) -> list[bytes]:
    """The stream in the pieces that are read."""
    match tape.choose(("whole", "some cuts", "many cuts", "one size", "each byte of the start")):
        case "whole":
            places = []
        case "some cuts":
            places = [place_near_frame(tape, writer) for _ in range(1 + tape.below(4))]
        case "many cuts":
            places = [place_near_frame(tape, writer) for _ in range(12)]
        case "one size":
            size = tape.choose((7, 2, 3, 5, 14, 64, 1000))
            places = list(range(size, min(len(data), 200 * size), size))
        case _:
            places = list(range(1, min(len(data), 200)))
    places = sorted({place for place in places if 0 < place < len(data)})
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


@attrs.frozen
class Plan:
    """The calls of the connection while a stream comes in.

    Attributes:
        is_masked: Whether the stream is a client's; the wire is the other side.
        is_deflated: Whether permessage-deflate was negotiated; `keeps_context` is part of that.
        feeds_plain: Whether `feed_plain` is used, followed at once by a request for events.
        reads: How many pieces are fed before events are requested.
        most: The number of events requested at a time.
        streams_at: Before which pieces `start_streaming` is called; `stops_at` likewise.
    """

    limits: dict[str, int]
    is_masked: bool = True
    is_deflated: bool = False
    keeps_context: bool = False
    feeds_plain: bool = False
    reads: int = 1
    most: int = 64
    may_hold: bool = False
    streams_when_held: bool = False
    streams_at: frozenset[int] = frozenset()
    stops_at: frozenset[int] = frozenset()


def make_plan(tape: Tape, *, is_masked: bool) -> Plan:
    def places() -> frozenset[int]:
        return frozenset(tape.choose((0, 0, 0, 1, 2, 3, 5, 7)) for _ in range(tape.choose((0, 0, 1, 2))))

    generous = not tape.one_in(3)
    feeds_plain = tape.one_in(2)
    return Plan(
        is_masked=is_masked,
        limits={
            "message_bytes": 1 << 20 if generous else tape.choose((65535, 400, 126, 125, 124, 10, 1)),
            "message_fragments": 1000 if generous else tape.choose((1000, 3, 2, 1)),
        },
        is_deflated=tape.one_in(4),
        keeps_context=tape.one_in(2),
        feeds_plain=feeds_plain,
        reads=1 if feeds_plain else tape.choose((1, 1, 2)),
        most=tape.choose((64, 64, 1, 2, 3)),
        may_hold=tape.one_in(2),
        streams_when_held=tape.one_in(2),
        streams_at=places(),
        stops_at=places(),
    )


@attrs.frozen
class Example:
    """A stream, the pieces it comes in, and the calls made meanwhile."""

    pieces: list[bytes]
    plan: Plan
    is_damaged: bool


def example_of(tape_bytes: bytes, *, is_masked: bool) -> Example:
    tape = Tape(tape_bytes)
    plan = make_plan(tape, is_masked=is_masked)
    is_damaged = tape.one_in(3)
    writer = write_stream(tape, plan)
    data = damaged(tape, writer) if is_damaged else writer.data
    data += b"".join(frame(*probe, mask=EXAMPLE_MASK if is_masked else None) for probe in tape.choose(PROBES))
    return Example(cut(tape, data, writer), plan, is_damaged)
