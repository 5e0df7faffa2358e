"""Long compressed messages are inflated a part at a time, so that other tasks do not wait long."""

from __future__ import annotations

import os
import zlib

import pytest
from support.wire import drain, new_wire

from trioweb._wire.deflate import DeflateAgreement
from trioweb._wire.events import Fragment, Violation
from trioweb._wire.inflate import PART_BYTES
from trioweb.testing import BINARY, CONTINUATION, TEXT, frame

RSV1 = 4
MESSAGE_BYTES = 1_000_000


def long_wire(*, fast_lane=True, message_bytes=MESSAGE_BYTES, **agreement):
    return new_wire(message_bytes=message_bytes, deflate=DeflateAgreement(**agreement), fast_lane=fast_lane)


class Client:
    def __init__(self):
        self._compressor = zlib.compressobj(9, zlib.DEFLATED, -15)

    def frame(self, opcode, data):
        compressed = self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        return frame(opcode, compressed[:-4], reserved=RSV1)


def in_turns(wire):
    """The events of each call of the wire."""
    calls = []
    while wire.is_pending:
        calls.append(wire.events(64))
    return calls


@pytest.mark.parametrize("size", [PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 4 * PART_BYTES, MESSAGE_BYTES])
@pytest.mark.parametrize("make", [bytes, os.urandom], ids=["zeros", "noise"])
@pytest.mark.parametrize("fast_lane", [True, False])
def test_messages_of_any_length_come_whole_and_leave_their_context_to_the_next(size, make, fast_lane):
    wire, client, data = long_wire(fast_lane=fast_lane), Client(), make(size)
    wire.feed(client.frame(BINARY, data) + client.frame(BINARY, data[:5000]) + frame(TEXT, b"plain"))
    assert drain(wire) == [data, data[:5000], "plain"]
    assert not wire.is_pending


@pytest.mark.parametrize("fast_lane", [True, False])
def test_characters_may_span_two_parts(fast_lane):
    wire, text = long_wire(fast_lane=fast_lane), "€" * 100_000
    wire.feed(Client().frame(TEXT, text.encode()))
    assert drain(wire) == [text]


@pytest.mark.parametrize("fast_lane", [True, False])
def test_a_long_message_takes_many_turns(fast_lane):
    wire, data = long_wire(fast_lane=fast_lane), bytes(MESSAGE_BYTES)
    wire.feed(Client().frame(BINARY, data))
    calls = in_turns(wire)
    assert len(calls) >= (15 if fast_lane else 4)
    assert [event for call in calls for event in call] == [data]


@pytest.mark.parametrize("size", [1000, 30_000])
def test_few_messages_come_in_one_turn_however_small_they_were_on_the_wire(size):
    wire, client = long_wire(), Client()
    wire.feed(b"".join(client.frame(BINARY, bytes(size)) for _ in range(100)))
    calls = in_turns(wire)
    assert sum(map(len, calls)) == 100
    assert max(map(len, calls)) * size < 2 * PART_BYTES


@pytest.mark.parametrize("fast_lane", [True, False])
def test_a_long_message_in_fragments_takes_many_turns(fast_lane):
    wire, data = long_wire(fast_lane=fast_lane), bytes(MESSAGE_BYTES)
    whole = Client().frame(BINARY, data)
    payload = whole[-(len(whole) - 8) :]
    compressed = bytes(octet ^ b"\x37\xfa\x21\x3d"[place & 3] for place, octet in enumerate(payload))
    middle = len(compressed) // 2
    wire.feed(
        frame(BINARY, compressed[:middle], reserved=RSV1, is_final=False)
        + frame(CONTINUATION, compressed[middle:])
    )
    calls = in_turns(wire)
    assert len(calls) >= 4
    assert [event for call in calls for event in call] == [data]


@pytest.mark.parametrize("keeps_context", [True, False])
def test_thousands_of_final_blocks_in_one_message_take_many_turns(keeps_context):
    """zlib starts over with each block, and the message continues (RFC 7692 §7.2.3.4)."""
    block = zlib.compressobj(9, zlib.DEFLATED, -15)
    final = block.compress(b"x") + block.flush(zlib.Z_FINISH)
    wire = long_wire(client_no_context_takeover=not keeps_context)
    wire.feed(frame(BINARY, final * 5000, reserved=RSV1))
    calls = in_turns(wire)
    assert len(calls) >= 15
    assert [event for call in calls for event in call] == [b"x" * 5000]


@pytest.mark.parametrize("fast_lane", [True, False])
@pytest.mark.parametrize("excess", [0, 1])
def test_the_limit_counts_to_the_byte(fast_lane, excess):
    limit = 3 * PART_BYTES
    wire, data = long_wire(fast_lane=fast_lane, message_bytes=limit), bytes(limit + excess)
    wire.feed(Client().frame(BINARY, data) + frame(BINARY, b"next"))
    events = drain(wire)
    if excess:
        (violation,) = events
        assert isinstance(violation, Violation)
        assert violation.close.code == 1009
    else:
        assert events == [data, b"next"]


def test_a_message_that_begins_to_be_streamed_between_two_parts_comes_in_pieces():
    wire, data = long_wire(message_bytes=3 * PART_BYTES), os.urandom(PART_BYTES) + bytes(5 * PART_BYTES)
    wire.feed(Client().frame(BINARY, data) + frame(BINARY, b"next"))
    assert wire.events(64) == []
    wire.start_streaming()
    *fragments, after = drain(wire)
    assert b"".join(fragment.data for fragment in fragments) == data
    assert [fragment.is_last for fragment in fragments] == [False] * (len(fragments) - 1) + [True]
    assert all(isinstance(fragment, Fragment) for fragment in fragments)
    assert after == b"next"


def test_a_mistake_in_a_later_part_is_found():
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    blocks = compressor.compress(os.urandom(2 * PART_BYTES)) + compressor.flush(zlib.Z_SYNC_FLUSH)
    wire = long_wire()
    wire.feed(frame(BINARY, blocks + b"\x07", reserved=RSV1))  # a block of an invalid kind (RFC 1951 §3.2.3)
    (violation,) = drain(wire)
    assert violation.close.code == 1007


def test_invalid_text_in_a_later_part_is_found():
    wire = long_wire()
    wire.feed(Client().frame(TEXT, b"x" * 2 * PART_BYTES + b"\xff" + b"x" * PART_BYTES))
    (violation,) = drain(wire)
    assert violation.close.code == 1007
    assert "UTF-8" in violation.close.reason
