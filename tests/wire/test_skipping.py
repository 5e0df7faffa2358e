"""Frames that nobody will receive are skipped, up to the peer's close frame.

`TRIOWEB_FUZZ_EXAMPLES` says how many streams of frames are tried.
"""

from __future__ import annotations

import zlib

import attrs
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from support.examples import EXAMPLES
from support.frame_streams import example_of
from support.wire import drain, new_wire, receive

from trioweb._wire.deflate import negotiate_deflate
from trioweb._wire.events import Fragment, PeerClosed, Violation
from trioweb._wire.frames import MASKED
from trioweb._wire.skipping import Skipping
from trioweb.closing import Close
from trioweb.config import Deflate
from trioweb.errors import RemoteProtocolError
from trioweb.testing import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_frame, frame

BYE = close_frame(1001, "bye")
UNMASKED_BYE = frame(CLOSE, (1001).to_bytes(2, "big") + b"bye", mask=None)
GONE = PeerClosed(Close(1001, "bye"))
LONGEST_WAIT_BYTES = 6 + 125
"""A close frame with a byte missing."""

DEFLATE = {
    keeps_context: negotiate_deflate(["permessage-deflate"], Deflate(context_takeover=keeps_context))
    for keeps_context in (False, True)
}


def deflated(data):
    compressor = zlib.compressobj(wbits=-12)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


ZEROS = frame(BINARY, deflated(bytes(100_000)), reserved=4)


# The walk.


def walked(data, *, payload_left=0, is_deflated=False):
    """The end of a walk over all the input, and what it finds."""
    out, position = [], 0
    skipping = Skipping(payload_left, is_deflated=is_deflated, mask_bit=MASKED)
    while not (out or skipping.needs_input):
        position = skipping.walk(data, position, out)
    return position, out


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65535, 65536])
def test_frames_of_any_length_are_walked_over_up_to_the_close_frame_and_no_further(length):
    flood = frame(TEXT, b"\xff" * length) + frame(CONTINUATION, b"x" * length, is_final=False)

    assert walked(flood + BYE + b"more") == (len(flood + BYE), [GONE])


@pytest.mark.parametrize("opcode", [PING, PONG])
def test_control_frames_are_walked_over(opcode):
    flood = frame(opcode, b"x" * 125) + frame(opcode)

    assert walked(flood + BYE) == (len(flood + BYE), [GONE])


def test_the_rest_of_a_payload_comes_first_whatever_it_looks_like():
    assert walked(BYE + frame(TEXT, b"x") + BYE, payload_left=len(BYE))[0] == len(BYE * 2) + 7


def test_compressed_messages_are_walked_over_if_compression_was_agreed_on():
    fragments = frame(TEXT, b"nonsense", reserved=4, is_final=False) + frame(CONTINUATION)

    assert walked(ZEROS + fragments + BYE, is_deflated=True)[1] == [GONE]
    with pytest.raises(RemoteProtocolError, match="0xc2"):
        walked(ZEROS)


@pytest.mark.parametrize("size", range(len(BYE)))
def test_part_of_a_close_frame_stays_where_it_is(size):
    assert walked(frame(TEXT, b"x") + BYE[:size]) == (7, [])


@pytest.mark.parametrize("length", [126, 65536])
def test_part_of_a_long_header_stays_where_it_is(length):
    data = frame(TEXT, b"x" * length)

    for size in range(len(data) - length):
        assert walked(data[:size]) == (0, [])


def test_one_walk_is_bounded_however_small_the_frames():
    skipping, out, data = Skipping(0, is_deflated=False, mask_bit=MASKED), [], frame(TEXT) * 5000 + BYE
    position = skipping.walk(data, 0, out)

    assert 0 < position < 3000 * 6
    assert not skipping.needs_input


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"\x83\x80", "first byte 0x83"),
        (b"\x91\x80", "first byte 0x91"),
        (b"\xa1\x80", "first byte 0xa1"),
        (b"\xc0\x80", "first byte 0xc0"),  # RFC 7692 §6.1: a message's first frame only
        (b"\xc9\x80", "first byte 0xc9"),
        (b"\x09\x80", "first byte 0x09"),
        (b"\x81\x05", "no mask"),
        (b"\x89\xfe", "control frame of over 125"),
        (b"\x88\xff", "control frame of over 125"),
        (b"\x81\xfe\x00\x7d", "shortest form"),
        (b"\x81\xff" + (65535).to_bytes(8, "big"), "shortest form"),
        (b"\x81\xff" + (1 << 63).to_bytes(8, "big"), "over 63 bits"),
    ],
)
def test_an_invalid_header_is_found_at_the_byte_that_shows_it(data, complaint):
    assert walked(data[:-1], is_deflated=True) == (0, [])
    with pytest.raises(RemoteProtocolError, match=complaint):
        walked(data, is_deflated=True)


def test_a_close_frame_is_judged_as_always():
    with pytest.raises(RemoteProtocolError, match="999"):
        walked(frame(CLOSE, (999).to_bytes(2, "big")))


# The wire starts to skip messages at any place.


LONG = b"x" * 900

STATES = {
    "nothing": b"",
    "an unasked message": frame(TEXT, b"x"),
    "part of a header": frame(BINARY, LONG)[:5],
    "a plain frame": frame(TEXT, LONG)[:400],
    "an open message": frame(TEXT, LONG, is_final=False),
    "a fragment": frame(TEXT, LONG, is_final=False)[:400],
    "a fragment's header": frame(TEXT, LONG, is_final=False)[:5],
    "a continuation's header": frame(TEXT, b"x", is_final=False) + frame(CONTINUATION, LONG)[:5],
    "a compressed frame that has begun": frame(BINARY, deflated(LONG), reserved=4)[:9],
    "a long compressed frame": ZEROS,
    "a compressed fragment": frame(BINARY, deflated(LONG), reserved=4, is_final=False)[:9],
    "a message over the limit": frame(BINARY, b"x" * 300_000)[:5000],
    "fragments over the limit": frame(BINARY, b"x" * 150_000, is_final=False)
    + frame(CONTINUATION, b"x" * 150_000, is_final=False)[:5000],
    "a ping": frame(PING, LONG[:100])[:50],
    "a ping in a message": frame(TEXT, b"x", is_final=False) + frame(PING, LONG[:100])[:50],
    "a close": BYE[:8],
    "a close in a message": frame(TEXT, b"x", is_final=False) + BYE[:8],
}
RESTS = {
    "part of a header": frame(BINARY, LONG)[5:],
    "a plain frame": frame(TEXT, LONG)[400:],
    "a fragment": frame(TEXT, LONG, is_final=False)[400:],
    "a fragment's header": frame(TEXT, LONG, is_final=False)[5:],
    "a continuation's header": frame(CONTINUATION, LONG)[5:],
    "a compressed frame that has begun": frame(BINARY, deflated(LONG), reserved=4)[9:],
    "a compressed fragment": frame(BINARY, deflated(LONG), reserved=4, is_final=False)[9:],
    "a message over the limit": frame(BINARY, b"x" * 300_000)[5000:],
    "fragments over the limit": frame(CONTINUATION, b"x" * 150_000, is_final=False)[5000:],
    "a ping": frame(PING, LONG[:100])[50:],
    "a ping in a message": frame(PING, LONG[:100])[50:],
    "a close": BYE[8:],
    "a close in a message": BYE[8:],
}


@pytest.mark.parametrize("fast_lane", [True, False])
@pytest.mark.parametrize("is_streaming", [True, False])
@pytest.mark.parametrize("is_decoded", [True, False])
@pytest.mark.parametrize("state", STATES)
def test_from_any_state_the_wire_finds_the_close_and_nothing_else(state, is_decoded, is_streaming, fast_lane):
    wire = new_wire(message_bytes=200_000, deflate=DEFLATE[True], fast_lane=fast_lane)
    wire.may_hold = True
    if is_streaming:
        wire.start_streaming()
    wire.feed(STATES[state])
    if is_decoded:
        wire.events(1)
        wire.events(1)
    wire.skip_messages()
    rest = RESTS.get(state, b"") + ZEROS + frame(PING) + frame(TEXT, b"x" * 300_000) + BYE

    assert receive(wire, rest[:3], rest[3:]) == [GONE]
    assert not (wire.is_pending or wire.is_holding or wire.has_leftover)


def test_a_wire_that_skips_messages_continues_to_whatever_is_asked_of_it():
    wire = new_wire()
    wire.skip_messages()
    wire.start_streaming()
    wire.stop_streaming()
    wire.skip_messages()
    fresh = []

    assert not wire.feed_plain(frame(TEXT, b"hello"), fresh, 64)
    assert drain(wire) == fresh == []
    assert receive(wire, BYE + b"x") == [GONE]
    assert wire.has_leftover
    assert wire.unfinished_bytes == len(frame(TEXT, b"hello") + b"x")

    wire.skip_messages()

    assert receive(wire, BYE) == []


def test_one_call_walks_over_a_bounded_number_of_frames_and_then_there_is_more():
    wire = new_wire()
    wire.skip_messages()
    wire.feed(frame(TEXT) * 5000 + BYE)

    assert wire.events(64) == []
    assert wire.is_pending
    assert drain(wire) == [GONE]


def test_a_wrong_header_is_a_violation():
    wire = new_wire()
    wire.skip_messages()

    (violation,) = receive(wire, frame(TEXT, b"x") + frame(3))

    assert violation.close.code == 1002
    assert receive(wire, BYE) == []


# The proof: whatever comes, however it is cut, and wherever the skipping begins, it ends at the same byte.


EXAMPLE = st.builds(example_of, st.binary(min_size=200, max_size=500), is_masked=st.booleans())
FUZZING = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def end_of(example, *, fast_lane, skips_at=None):
    """The piece in which a wire ends, the event, whether any input was left, and all findings."""
    plan = example.plan
    wire = new_wire(
        is_client=not plan.is_masked,
        message_bytes=1 << 30,
        message_fragments=1 << 30,
        deflate=DEFLATE[plan.keeps_context] if plan.is_deflated else None,
        fast_lane=fast_lane,
    )
    found = []
    for place, piece in enumerate(example.pieces):
        if place in plan.streams_at:
            wire.start_streaming()
        wire.feed(piece)
        fresh = []
        if place == skips_at:
            if plan.reads > 1:  # it begins in the middle of the input
                fresh = [item for item in wire.events(1) if isinstance(item, ENDS)]
            wire.skip_messages()
            found.clear()
        fresh += drain(wire, plan.most)
        found += fresh
        if fresh and isinstance(fresh[-1], ENDS):
            return (place, fresh[-1], wire.has_leftover), found
        if skips_at is not None and place >= skips_at and not wire.is_pending:
            assert len(wire._input) <= LONGEST_WAIT_BYTES
    return None, found


ENDS = (PeerClosed, Violation)

IN_THE_CONTENT = ("text that is not UTF-8", "cannot be inflated", "§5.4", "Limits.message_bytes")
"""Violations within messages, which are skipped with them."""


@FUZZING
@given(example=EXAMPLE, fast_lane=st.booleans(), place=st.integers(min_value=0, max_value=20))
def test_a_close_frame_and_a_wrong_header_are_found_where_they_are(example, fast_lane, place):
    bye = BYE if example.plan.is_masked else UNMASKED_BYE
    example = attrs.evolve(example, pieces=[*example.pieces, bye])
    place = min(place, len(example.pieces) - 1)
    expected, _ = end_of(example, fast_lane=fast_lane)
    ended, found = end_of(example, fast_lane=fast_lane, skips_at=place)
    event(type(expected[1]).__name__ if expected else "nothing")

    if expected is not None and expected[0] < place:
        assert ended == expected
        return
    assert not any(isinstance(item, str | bytes | Fragment) for item in found)
    if expected is None or isinstance(expected[1], PeerClosed):
        assert ended == expected
    elif not any(words in expected[1].close.reason for words in IN_THE_CONTENT):
        assert isinstance(ended[1], Violation)
        assert ended[1].close.code == expected[1].close.code
        assert ended[0] <= expected[0]  # the forms of lengths are judged before the mask has come
