"""Compressed messages decoded in the lane and by wsproto give the same, whatever comes."""

from __future__ import annotations

import os
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.peer import frame

from trioweb._wire.deflate import DeflateAgreement
from trioweb._wire.events import Violation
from trioweb._wire.websocket import WebSocketWire

EXAMPLES = int(os.environ.get("TRIOWEB_FUZZ_EXAMPLES", "300"))
RSV1 = 4
TEXT, BINARY, CONTINUATION = 1, 2, 0

payloads = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20).map(str.encode),
    st.sampled_from([b"", b"a" * 900, b"b" * 1001, "h\u00e9llo".encode() * 10, b"\xff\xfe", b"\xc3"]),
)


class Client:
    """Compresses as clients may, and some ways that they may not."""

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


@st.composite
def streams(draw):
    client = Client(keeps_context=draw(st.booleans()))
    out = b""
    for _ in range(draw(st.integers(1, 6))):
        opcode = draw(st.sampled_from([TEXT, BINARY]))
        data = draw(payloads)
        kind = draw(
            st.sampled_from(["compressed"] * 5 + ["plain", "ping", "fragments", "garbage", "stored tail"])
        )
        ending = draw(st.sampled_from(["usual"] * 4 + ["with tail", "final block"]))
        if kind == "compressed":
            out += frame(opcode, client.compress(data, ending), reserved=RSV1)
        elif kind == "plain":
            out += frame(opcode, data)
        elif kind == "ping":
            out += frame(9, data[:125], reserved=draw(st.sampled_from([0, RSV1])))
        elif kind == "fragments":
            whole = client.compress(data, "usual")
            cut = draw(st.integers(0, len(whole)))
            out += frame(opcode, whole[:cut], reserved=RSV1, is_final=False)
            out += frame(CONTINUATION, whole[cut:])
        elif kind == "garbage":
            out += frame(opcode, draw(st.binary(max_size=30)), reserved=RSV1)
        else:  # a stored block that ends in the bytes that a receiver appends
            length = len(data) + 4
            block = b"\1" + length.to_bytes(2, "little") + (length ^ 0xFFFF).to_bytes(2, "little") + data
            out += frame(opcode, block, reserved=RSV1)
    damaged = bytearray(out)
    if damaged and draw(st.integers(0, 3)) == 0:
        place = draw(st.integers(0, len(damaged) - 1))
        damaged[place] ^= draw(st.integers(1, 255))
    return bytes(damaged)


def decode(data, cuts, agreement, *, fast_lane):
    wire = WebSocketWire(message_bytes=1000, message_fragments=8, deflate=agreement, fast_lane=fast_lane)
    events = []
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        wire.feed(data[start:end])
        while wire.is_pending:
            events += wire.events(3)
    return [
        (int(event.close.code), event.close.reason) if isinstance(event, Violation) else event
        for event in events
    ]


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    data=streams(),
    cuts=st.lists(st.integers(0, 400), max_size=4),
    keeps_context=st.booleans(),
)
def test_the_lane_and_wsproto_inflate_the_same(data, cuts, keeps_context):
    agreement = DeflateAgreement(client_no_context_takeover=not keeps_context)
    cuts = sorted(cut for cut in cuts if cut <= len(data))
    with_lane = decode(data, cuts, agreement, fast_lane=True)
    assert with_lane == decode(data, cuts, agreement, fast_lane=False)


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_the_context_is_one_for_messages_of_both_ways(opcode):
    """A message in one frame, then one in two, then one in one: each refers to those before."""
    client = Client(keeps_context=True)
    text = b"the same words over and over, " * 5
    data = frame(opcode, client.compress(text, "usual"), reserved=RSV1)
    second = client.compress(text, "usual")
    data += frame(opcode, second[:2], reserved=RSV1, is_final=False) + frame(CONTINUATION, second[2:])
    third = client.compress(text, "usual")
    assert len(third) < 20
    data += frame(opcode, third, reserved=RSV1)
    expected = text if opcode == BINARY else text.decode()
    assert decode(data, [], DeflateAgreement(), fast_lane=True) == [expected] * 3


def test_a_message_that_inflates_to_too_much_is_1009():
    client = Client(keeps_context=True)
    data = frame(BINARY, client.compress(b"\0" * 1001, "usual"), reserved=RSV1)
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
    client = Client(keeps_context=True)
    data = frame(BINARY, client.compress(b"\0" * 1000, "usual"), reserved=RSV1)
    assert decode(data, [], DeflateAgreement(), fast_lane=True) == [b"\0" * 1000]
