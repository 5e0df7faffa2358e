"""The lane decodes as wsproto does, or leaves the input alone.

`TRIOWEB_FUZZ_EXAMPLES` says how many streams of frames are tried.
"""

from __future__ import annotations

import attrs
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from support.examples import EXAMPLES
from support.frame_streams import Plan, example_of
from support.wire import in_pieces, new_wire
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import CloseConnection, Message
from wsproto.events import Ping as ForeignPing

from trioweb._wire.deflate import negotiate_deflate
from trioweb._wire.events import Fragment, PeerClosed, Ping, Pong, Violation
from trioweb._wire.fastlane import (
    INCOMPLETE,
    NOT_PLAIN,
    PlainFrame,
    decode_plain,
    decode_unmasked,
    plain_header,
)
from trioweb._wire.frames import MASKED
from trioweb.config import Deflate
from trioweb.errors import RemoteProtocolError
from trioweb.testing import BINARY, PING, TEXT, frame
from trioweb.testing.raw.frames import EXAMPLE_MASK

LONGEST_WAIT_BYTES = 13
"""Part of a header, which the lane keeps until it knows who decodes the frame."""

DEFLATE = {
    keeps_context: negotiate_deflate(["permessage-deflate"], Deflate(context_takeover=keeps_context))
    for keeps_context in (False, True)
}
BREACH = (Violation, 1002)


# The hot loops: one for frames with masks, one for frames without.

SIDES = pytest.mark.parametrize("mask", [EXAMPLE_MASK, None], ids=["masked", "unmasked"])


def decoded(data, mask, *, position=0, most=64, message_bytes=100_000):
    out = []
    decode = decode_plain if mask else decode_unmasked
    end = decode(data, position, out, most, message_bytes)
    return out, end - position


def hello(mask):
    return frame(TEXT, b"hello", mask=mask)


def long_header(form, length, mask):
    """The header of a binary frame whose length is in two or eight bytes, whether it should be or not."""
    size = 2 if form == 126 else 8
    return bytes((0x82, form | (MASKED if mask else 0))) + length.to_bytes(size, "big")


@SIDES
@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535, 65536, 70_000])
def test_whole_frames_of_any_length_are_decoded(length, mask):
    data = frame(TEXT, b"x" * length, mask=mask) + frame(BINARY, b"y" * length, mask=mask)

    assert decoded(data, mask) == (["x" * length, b"y" * length], len(data))


@SIDES
def test_decoding_begins_at_a_position_and_stops_at_a_number_of_messages(mask):
    data = hello(mask) * 3

    assert decoded(b"??" + data, mask, position=2, most=2) == (["hello"] * 2, 2 * len(hello(mask)))


def not_for_the_lane(mask):
    other_mask = None if mask else EXAMPLE_MASK
    long, longer = (frame(TEXT, b"x" * length, mask=mask) for length in (150, 70_000))
    return {
        "nothing": b"",
        "ping": frame(PING, b"x", mask=mask),
        "not final": frame(TEXT, b"x", is_final=False, mask=mask),
        "of the other side": frame(TEXT, b"x" * 9, mask=other_mask),
        "of the other side, longer": frame(TEXT, b"x" * 200, mask=other_mask),
        "of the other side, very long": frame(TEXT, b"x" * 70_000, mask=other_mask),
        "reserved bit": frame(BINARY, b"x", reserved=4, mask=mask),
        "reserved opcode": frame(3, b"x", mask=mask),
        "not UTF-8": frame(TEXT, b"\xff", mask=mask),
        "over the limit": frame(BINARY, b"x" * 70_000, mask=mask),
        "5 in two bytes": long_header(126, 5, mask) + bytes(9),
        "125 in two bytes": long_header(126, 125, mask) + bytes(129),
        "5 in eight bytes": long_header(127, 5, mask) + bytes(9),
        "65535 in eight bytes": long_header(127, 65535, mask) + bytes(65539),
        "topmost bit": long_header(127, 1 << 63 | 5, mask) + bytes(9),
        **{f"{size} bytes": frame(TEXT, b"x" * 90, mask=mask)[:size] for size in (1, 2, 5, 6, 91)},
        **{f"{size} of 150": long[:size] for size in (2, 3, 4, 7, 8, 153)},
        **{f"{size} of 70 000": longer[:size] for size in (6, 9, 10, 13, 14)},
    }


@SIDES
@pytest.mark.parametrize("other", not_for_the_lane(EXAMPLE_MASK))
def test_frames_that_are_not_for_the_lane_are_left_where_they_are(other, mask):
    data = hello(mask) + not_for_the_lane(mask)[other]
    limit = 1000 if other == "over the limit" else 100_000

    assert decoded(data, mask, message_bytes=limit) == (["hello"], len(hello(mask)))


# The header of a plain frame.


@SIDES
@pytest.mark.parametrize("length", [0, 125, 126, 65535, 65536])
def test_a_plain_header_is_known_when_it_is_whole(length, mask):
    data = frame(BINARY, bytes(length), mask=mask)
    size, bit = len(data) - length, MASKED if mask else 0

    assert plain_header(b"?" + data, 1, bit) == size
    assert {plain_header(data[:part], 0, bit) for part in range(1, size)} == {INCOMPLETE}


@SIDES
@pytest.mark.parametrize(
    "data",
    [
        b"\x01",
        b"\xc1",
        b"\x89",
        b"\x80",
        b"\x81\x05",
        b"\x82\x7e",
        b"\x82\x7f",
        b"\x82\xfe\x00\x7d",
        b"\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff",
        b"\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00",
    ],
)
def test_another_header_is_known_by_the_first_byte_that_shows_it(data, mask):
    bit = MASKED if mask else 0
    if not mask and len(data) > 1:
        data = data[:1] + bytes((data[1] ^ MASKED,)) + data[2:]

    assert plain_header(data, 0, bit) == NOT_PLAIN
    assert plain_header(data + bytes(20), 0, bit) == NOT_PLAIN
    assert len(data) == 1 or plain_header(data[:-1], 0, bit) != NOT_PLAIN or len(data) == 2


# A plain frame in pieces.


@SIDES
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_a_frame_is_unmasked_and_decoded_piece_by_piece(size, mask):
    text = "zwölf Boxkämpfer"
    data = frame(TEXT, text.encode(), mask=mask)
    start = 6 if mask else 2
    plain = PlainFrame(data[:start], len(data) - start)

    assert "".join(plain.take(piece) for piece in in_pieces(data[start:], size)) == text
    assert plain.payload_left == 0


def test_the_last_piece_must_end_the_last_character():
    data = frame(TEXT, b"caf\xc3")
    plain = PlainFrame(data[:6], 4)

    assert plain.take(data[6:9]) == "caf"
    with pytest.raises(RemoteProtocolError, match="not UTF-8"):
        plain.take(data[9:])


# The proof: whatever comes, and however it is cut, both find the same, and equally early.


EXAMPLE = st.builds(example_of, st.binary(min_size=200, max_size=500), is_masked=st.booleans())
FUZZING = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def turns_of(example, *, fast_lane, unfinished=None):
    """The events of a wire after each read, with the pieces of a streamed message joined.

    The number of unfinished bytes after each read is added to `unfinished`, up to a breach.
    """
    plan = example.plan
    deflate = DEFLATE[plan.keeps_context] if plan.is_deflated else None
    wire = new_wire(is_client=not plan.is_masked, fast_lane=fast_lane, deflate=deflate, **plan.limits)
    wire.may_hold = plan.may_hold
    turns, found, is_broken = [], [], False
    for place, piece in enumerate(example.pieces):
        if place in plan.streams_at:
            wire.start_streaming()
        if place in plan.stops_at:
            wire.stop_streaming()
        if not plan.feeds_plain:
            wire.feed(piece)
        elif wire.feed_plain(piece, found, plan.most):
            assert not (wire.is_pending or wire._input)
        if place % plan.reads == 0 or place == len(example.pieces) - 1:
            drain(wire, plan, found)
            turns.append(found)
            is_broken = is_broken or bool(found and isinstance(found[-1], Violation))
            if unfinished is not None and not is_broken:
                unfinished.append(wire.unfinished_bytes)
            found = []
    return turns


def drain(wire, plan, found):
    for _ in range(len(wire._input) + 100):
        batch = wire.events(plan.most)
        assert len(batch) <= plan.most
        for item in batch:
            add(found, item)
        if wire.is_holding:
            add(found, "held")
            if plan.streams_when_held:
                wire.start_streaming()
            else:
                wire.may_hold = False
        elif not wire.is_pending:
            assert len(wire._input) <= LONGEST_WAIT_BYTES
            return
    raise AssertionError("a wire that never comes to an end of its input")


def add(found, item):
    last = found[-1] if found else None
    if isinstance(item, Fragment) and isinstance(last, Fragment) and not last.is_last:
        found[-1] = Fragment(last.data + item.data, item.is_last)
    else:
        found.append(item)


def all_of(turns):
    found = []
    for turn in turns:
        for item in turn:
            add(found, item)
    return found


@FUZZING
@given(example=EXAMPLE)
def test_the_wire_finds_the_same_with_and_without_the_lane(example):
    unfinished, expected_unfinished = [], []
    expected = turns_of(example, fast_lane=False, unfinished=expected_unfinished)
    found = all_of(expected)
    event(type(found[-1]).__name__ if found else "nothing")

    assert turns_of(example, fast_lane=True, unfinished=unfinished) == expected
    assert unfinished == expected_unfinished
    assert not any(isinstance(item, PeerClosed | Violation) for item in found[:-1])


@FUZZING
@given(example=EXAMPLE, fast_lane=st.booleans())
def test_cutting_the_stream_anywhere_makes_no_difference(example, fast_lane):
    plan = attrs.evolve(example.plan, streams_at=frozenset(), stops_at=frozenset(), streams_when_held=False)
    in_pieces = attrs.evolve(example, plan=plan)
    whole = attrs.evolve(in_pieces, pieces=[b"".join(example.pieces)])

    found = all_of(turns_of(in_pieces, fast_lane=fast_lane))
    expected = all_of(turns_of(whole, fast_lane=fast_lane))
    if plan.is_deflated and {type(item) for item in (*found[-1:], *expected[-1:])} == {Violation}:
        # Text is checked only after inflating a whole batch, so either of two breaches may come first.
        del found[-1], expected[-1]

    assert found == expected


def events_of_wsproto(data, *, is_masked):
    """The events of wsproto's own `Connection` for a stream, as ours and without reasons."""
    connection = Connection(ConnectionType.SERVER if is_masked else ConnectionType.CLIENT)
    connection.receive_data(data)
    found, parts = [], []
    for item in connection.events():
        if isinstance(item, Message):
            parts.append(item.data)
            if item.message_finished:
                found.append(type(item.data)().join(parts))
                parts = []
        elif isinstance(item, CloseConnection):
            is_peers = connection.state is not ConnectionState.OPEN
            found.append((PeerClosed if is_peers else Violation, int(item.code)))
        else:
            found.append((Ping if isinstance(item, ForeignPing) else Pong)(bytes(item.payload)))
    return found


def without_reasons(found):
    """Close codes as wsproto sees them: it takes 1014 for a breach, and does not read its reason."""
    if not found or not isinstance(last := found[-1], PeerClosed | Violation):
        return found
    is_breach = last.close.code == 1014 or last.close.reason == "a close reason that is not UTF-8"
    return [*found[:-1], BREACH if is_breach else (type(last), last.close.code)]


@FUZZING
@given(example=EXAMPLE, fast_lane=st.booleans())
def test_wsproto_alone_finds_the_same(example, fast_lane):
    is_masked = example.plan.is_masked
    plan = Plan(limits={"message_bytes": 1 << 64, "message_fragments": 1000}, is_masked=is_masked)
    found = without_reasons(all_of(turns_of(attrs.evolve(example, plan=plan), fast_lane=fast_lane)))
    data = b"".join(example.pieces)
    expected = events_of_wsproto(data, is_masked=is_masked)
    if len(expected) < len(found):  # a frame out of order, which wsproto notices only at its payload
        expected = events_of_wsproto(data + bytes(16), is_masked=is_masked)
    if found[-1:] == [BREACH] and expected[-1:] == [(Violation, 1007)]:
        expected[-1] = BREACH

    assert found == expected
