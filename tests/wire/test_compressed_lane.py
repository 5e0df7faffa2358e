"""Compressed messages decoded in the lane and by wsproto give the same, whatever comes."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import EXAMPLES
from support.wire import in_pieces, new_wire

from trioweb._wire.deflate import DeflateAgreement
from trioweb._wire.events import Violation
from trioweb.testing import frame
from trioweb.testing.raw.frames import EXAMPLE_MASK

RSV1 = 4
TEXT, BINARY, CONTINUATION = 1, 2, 0

payloads = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20).map(str.encode),
    st.sampled_from([b"", b"a" * 900, b"b" * 1001, "h\u00e9llo".encode() * 10, b"\xff\xfe", b"\xc3"]),
)


class Sender:
    """Compresses as a peer may, and some ways that it may not."""

    def __init__(self, *, keeps_context):
        self._keeps_context = keeps_context
        self._compressor = None

    def compress(self, data, ending):
        compressor = self._compressor or zlib.compressobj(6, zlib.DEFLATED, -15)
        out = compressor.compress(data)
        if ending == "final block":
            out += compressor.flush(zlib.Z_FINISH) + b"\0"
            self._compressor = None
            return out
        out += compressor.flush(zlib.Z_SYNC_FLUSH)
        self._compressor = compressor if self._keeps_context else None
        return out if ending == "with tail" else out[:-4]


MASKS = st.sampled_from([EXAMPLE_MASK, None])
"""What a client's frames have, and a server's have not."""


@st.composite
def streams(draw, mask):
    sender = Sender(keeps_context=draw(st.booleans()))
    out = b""
    for _ in range(draw(st.integers(1, 6))):
        opcode = draw(st.sampled_from([TEXT, BINARY]))
        data = draw(payloads)
        kind = draw(
            st.sampled_from(["compressed"] * 5 + ["plain", "ping", "fragments", "garbage", "stored tail"])
        )
        ending = draw(st.sampled_from(["usual"] * 4 + ["with tail", "final block"]))
        if kind == "compressed":
            out += frame(opcode, sender.compress(data, ending), reserved=RSV1, mask=mask)
        elif kind == "plain":
            out += frame(opcode, data, mask=mask)
        elif kind == "ping":
            out += frame(9, data[:125], reserved=draw(st.sampled_from([0, RSV1])), mask=mask)
        elif kind == "fragments":
            whole = sender.compress(data, "usual")
            cut = draw(st.integers(0, len(whole)))
            out += frame(opcode, whole[:cut], reserved=RSV1, is_final=False, mask=mask)
            out += frame(CONTINUATION, whole[cut:], mask=mask)
        elif kind == "garbage":
            out += frame(opcode, draw(st.binary(max_size=30)), reserved=RSV1, mask=mask)
        else:  # a stored block that ends in the bytes that a receiver appends
            length = len(data) + 4
            block = b"\1" + length.to_bytes(2, "little") + (length ^ 0xFFFF).to_bytes(2, "little") + data
            out += frame(opcode, block, reserved=RSV1, mask=mask)
    damaged = bytearray(out)
    if damaged and draw(st.integers(0, 3)) == 0:
        place = draw(st.integers(0, len(damaged) - 1))
        damaged[place] ^= draw(st.integers(1, 255))
    return bytes(damaged)


def decode(data, cuts, agreement, *, fast_lane, mask=EXAMPLE_MASK):
    pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return decode_pieces(pieces, agreement, fast_lane=fast_lane, mask=mask)


def decode_pieces(pieces, agreement, *, fast_lane, limit=1000, mask=EXAMPLE_MASK):
    """What the other side makes of them. The agreement is written for a client that sends."""
    deflate = agreement if mask else agreement.exchanged()
    limits = {"message_bytes": limit, "message_fragments": 8}
    wire = new_wire(is_client=not mask, deflate=deflate, fast_lane=fast_lane, **limits)
    events = []
    for piece in pieces:
        wire.feed(piece)
        while wire.is_pending:
            events += wire.events(3)
    return [
        (int(event.close.code), event.close.reason) if isinstance(event, Violation) else event
        for event in events
    ]


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    stream=MASKS.flatmap(lambda mask: st.tuples(st.just(mask), streams(mask))),
    cuts=st.lists(st.integers(0, 400), max_size=4),
    keeps_context=st.booleans(),
)
def test_the_lane_and_wsproto_inflate_the_same(stream, cuts, keeps_context):
    mask, data = stream
    agreement = DeflateAgreement(client_no_context_takeover=not keeps_context)
    cuts = sorted(cut for cut in cuts if cut <= len(data))
    with_lane = decode(data, cuts, agreement, fast_lane=True, mask=mask)
    assert with_lane == decode(data, cuts, agreement, fast_lane=False, mask=mask)


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_the_context_is_one_for_messages_of_both_ways(opcode):
    """A message in one frame, then one in two, then one in one: each refers to those before."""
    sender = Sender(keeps_context=True)
    text = b"the same words over and over, " * 5
    data = frame(opcode, sender.compress(text, "usual"), reserved=RSV1)
    second = sender.compress(text, "usual")
    data += frame(opcode, second[:2], reserved=RSV1, is_final=False) + frame(CONTINUATION, second[2:])
    third = sender.compress(text, "usual")
    assert len(third) < 20
    data += frame(opcode, third, reserved=RSV1)
    expected = text if opcode == BINARY else text.decode()
    assert decode(data, [], DeflateAgreement(), fast_lane=True) == [expected] * 3


def test_a_message_that_inflates_to_too_much_is_1009():
    sender = Sender(keeps_context=True)
    data = frame(BINARY, sender.compress(b"\0" * 1001, "usual"), reserved=RSV1)
    (code, reason), *rest = decode(data, [], DeflateAgreement(), fast_lane=True)
    assert (code, rest) == (1009, [])
    assert "Limits.message_bytes" in reason


@pytest.mark.parametrize("fast_lane", [True, False])
def test_an_inflation_error_is_reported_before_invalid_text(fast_lane):
    """A stored block that is not UTF-8, then the start of a block that no ending completes."""
    payload = b"\0\1\0\xfe\xff\xff" + b"\4"
    data = frame(TEXT, payload, reserved=RSV1)
    (code, reason), *rest = decode(data, [], DeflateAgreement(), fast_lane=fast_lane)
    assert (code, rest) == (1007, [])
    assert "cannot be inflated" in reason


def test_a_compressed_message_of_exactly_the_limit_is_accepted():
    sender = Sender(keeps_context=True)
    data = frame(BINARY, sender.compress(b"\0" * 1000, "usual"), reserved=RSV1)
    assert decode(data, [], DeflateAgreement(), fast_lane=True) == [b"\0" * 1000]


@pytest.mark.parametrize("cut", [None, 1, 2])
@pytest.mark.parametrize("fast_lane", [True, False])
def test_a_byte_over_the_limit_is_found_in_the_input_that_holds_it(cut, fast_lane):
    """A frame that lacks its last byte, in one read: zlib has taken all of it and could give two bytes."""
    data = frame(BINARY, bytes.fromhex("62db1c00"), reserved=RSV1)[:-1]
    pieces = [data] if cut is None else [data[:-cut], data[-cut:]]
    ((code, reason),) = decode_pieces(pieces, DeflateAgreement(), fast_lane=fast_lane, limit=1)
    assert code == 1009
    assert "Limits.message_bytes" in reason


# The first fault counts, however the bytes were cut.

LIMIT = 30_000
EMPTY_BLOCK = b"\0\0\0\xff\xff"
BROKEN_BLOCK = b"\7"  # of a kind that does not exist (RFC 1951 §3.2.3)
FINAL_BLOCK = b"\3\0"


def stored(size):
    return b"\0" + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little") + bytes(size)


def literals_then_a_broken_block(size):
    """Fixed codes (RFC 1951 §3.2.6): one byte of input holds the end of one thing and the start of the next."""
    letter = f"{0x30 + ord('a'):08b}"  # codes begin with their highest bit, everything else with its lowest
    bits = "0" + "10" + letter * size + "0000000" + "0" + "11"
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[place : place + 8][::-1], 2) for place in range(0, len(bits), 8))


def one_repetition_then_a_broken_block(size):
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(b"a" * size) + compressor.flush(zlib.Z_SYNC_FLUSH) + BROKEN_BLOCK


def shapes(payload, cut, opcode=BINARY, mask=EXAMPLE_MASK):
    """The same message in one frame and in two, each in one read and cut into many."""
    whole = frame(opcode, payload, reserved=RSV1, mask=mask)
    halves = frame(opcode, payload[:cut], reserved=RSV1, is_final=False, mask=mask)
    halves += frame(CONTINUATION, payload[cut:], mask=mask)
    return [[whole], [halves], [whole[:cut], whole[cut:]], in_pieces(whole, 7), in_pieces(halves, 1000)]


def outcomes(payload, cut, *, limit=LIMIT, keeps_context=True, mask=EXAMPLE_MASK):
    """What becomes of a message in every shape, with the fast lane and without, each only once."""
    agreement = DeflateAgreement(client_no_context_takeover=not keeps_context)
    found = []
    for pieces in shapes(payload, cut, mask=mask):
        for fast_lane in (True, False):
            events = decode_pieces(pieces, agreement, fast_lane=fast_lane, limit=limit, mask=mask)
            if events not in found:
                found.append(events)
    return found


@pytest.mark.parametrize("fast_lane", [True, False])
def test_a_message_over_the_limit_that_breaks_in_the_tail_is_too_long(fast_lane):
    """It inflates to one byte over the limit. The tail that the receiver appends is not a block there."""
    data = bytes.fromhex("c18c 37fa213d 7db03b38949a3531 4cfa213d")
    (violation,) = decode(data, [], DeflateAgreement(), fast_lane=fast_lane)
    assert violation[0] == 1009


@pytest.mark.parametrize("keeps_context", [True, False])
@pytest.mark.parametrize("gap", [b"", EMPTY_BLOCK * 850, FINAL_BLOCK * 1000], ids=["none", "empty", "final"])
@pytest.mark.parametrize(("excess", "code"), [(-1, 1007), (0, 1007), (1, 1009), (2, 1009)])
def test_whichever_fault_comes_first_is_reported(excess, code, gap, keeps_context):
    payload = stored(LIMIT + excess) + gap + BROKEN_BLOCK
    ((violation,),) = outcomes(payload, 4097, keeps_context=keeps_context)
    assert violation[0] == code


@pytest.mark.parametrize("make", [literals_then_a_broken_block, one_repetition_then_a_broken_block])
@pytest.mark.parametrize(("excess", "code"), [(-1, 1007), (0, 1007), (1, 1009), (2, 1009)])
def test_a_byte_over_the_limit_counts_even_if_the_break_is_in_the_next_bits(make, excess, code):
    ((violation,),) = outcomes(make(1000 + excess), 2, limit=1000)
    assert violation[0] == code


def texts(mistake, excess):
    """A text over the limit by `excess` bytes, in stored blocks; the `mistake` is bytes or none."""
    text = bytearray(b"\xc3\xa9" * ((1000 + excess) // 2 + 1))[: 1000 + excess]
    if mistake is not None:
        text[mistake] = 0xFF
    return b"".join(
        b"\0" + len(part).to_bytes(2, "little") + (len(part) ^ 0xFFFF).to_bytes(2, "little") + part
        for part in (bytes(text[place : place + 31]) for place in range(0, len(text), 31))
    )


@pytest.mark.parametrize(
    ("mistake", "code"), [(0, 1007), (250, 1007), (997, 1007), (999, 1007), (1001, 1009), (None, 1009)]
)
@pytest.mark.parametrize("limit", [999, 1000])
def test_a_mistake_in_a_text_is_reported_if_it_comes_before_the_limit(limit, mistake, code):
    if limit == mistake:
        code = 1009
    found = []
    for pieces in shapes(texts(mistake, 3), 700, opcode=TEXT):
        for fast_lane in (True, False):
            found += decode_pieces(pieces, DeflateAgreement(), fast_lane=fast_lane, limit=limit)
    assert {violation[0] for violation in found} == {code}
    assert len(set(found)) == 1


@pytest.mark.parametrize("gap", [b"", EMPTY_BLOCK * 850, FINAL_BLOCK * 1000], ids=["none", "empty", "final"])
def test_a_message_of_exactly_the_limit_may_end_in_blocks_without_content(gap):
    assert outcomes(stored(LIMIT) + gap + b"\0", 4097) == [[bytes(LIMIT)]]


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    size=st.integers(990, 1010),
    unit=st.binary(min_size=1, max_size=300),
    level=st.integers(0, 9),
    strategy=st.sampled_from([zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE]),
    flush=st.sampled_from([zlib.Z_SYNC_FLUSH, zlib.Z_PARTIAL_FLUSH, zlib.Z_FINISH]),
    lost_bytes=st.integers(0, 6),
    suffix=st.binary(max_size=12),
    cut=st.integers(0, 40),
    mask=MASKS,
)
def test_the_outcome_of_a_message_near_the_limit_does_not_depend_on_its_cuts(
    size, unit, level, strategy, flush, lost_bytes, suffix, cut, mask
):
    compressor = zlib.compressobj(level, zlib.DEFLATED, -15, 8, strategy)
    compressed = compressor.compress((unit * size)[:size]) + compressor.flush(flush)
    payload = compressed[: len(compressed) - lost_bytes] + suffix
    assert len(outcomes(payload, cut, limit=1000, mask=mask)) == 1
