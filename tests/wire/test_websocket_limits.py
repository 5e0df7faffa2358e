"""How much of a message a wire accepts, holds, and hands out piece by piece."""

from __future__ import annotations

import tracemalloc

import pytest
from support.wire import drain, in_pieces, new_wire, receive, violation

from trioweb._wire.events import Fragment, Ping
from trioweb.closing import Close
from trioweb.testing import BINARY, CONTINUATION, PING, TEXT, frame

HELLO = frame(TEXT, b"hello")


@pytest.fixture(params=[True, False], ids=["lane", "wsproto"])
def lane(request):
    return request.param


# Limits.


def fragments(payload, count):
    """`payload` in this many frames, with empty ones at the end if necessary."""
    size = max(1, -(-len(payload) // count))
    parts = [payload[size * index : size * (index + 1)] for index in range(count)]
    return b"".join(
        frame(CONTINUATION if index else TEXT, part, is_final=index == count - 1)
        for index, part in enumerate(parts)
    )


@pytest.mark.parametrize("count", [1, 2, 10])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_message_may_be_as_long_as_the_limit_and_no_byte_longer(lane, count, size):
    exact = fragments(b"x" * 200, count)
    longer = fragments(b"x" * 201, count)

    assert receive(new_wire(message_bytes=200, fast_lane=lane), *in_pieces(exact, size)) == ["x" * 200]

    close = violation(receive(new_wire(message_bytes=200, fast_lane=lane), *in_pieces(longer, size)))

    assert close == Close(1009, "a message of more than 200 bytes (Limits.message_bytes)")


def test_the_limit_counts_bytes_and_not_characters(lane):
    wire = new_wire(message_bytes=10, fast_lane=lane)

    assert receive(wire, frame(TEXT, "é".encode() * 5)) == ["ééééé"]
    assert violation(receive(wire, frame(TEXT, "é".encode() * 6))).code == 1009


def test_the_limit_applies_to_each_message_alone(lane):
    wire = new_wire(message_bytes=10, fast_lane=lane)

    assert receive(wire, fragments(b"0123456789", 3) * 3) == ["0123456789"] * 3


def test_a_huge_frame_fails_by_what_it_announces(lane):
    wire = new_wire(fast_lane=lane)
    header = frame(BINARY, b"x" * 70_000)[:14]

    assert receive(wire, header[:13]) == []
    assert violation(receive(wire, header[13:])).code == 1009


@pytest.mark.parametrize("size", [1, 10_000])
def test_a_message_may_come_in_as_many_fragments_as_the_limit_says(lane, size):
    settings = {"message_fragments": 5, "fast_lane": lane}

    assert receive(new_wire(**settings), *in_pieces(fragments(b"abcde", 5) * 2, size)) == ["abcde"] * 2

    close = violation(receive(new_wire(**settings), *in_pieces(fragments(b"abcdef", 6), size)))

    assert close == Close(1008, "a message of more than 5 frames (Limits.message_fragments)")


def test_empty_fragments_count(lane):
    wire = new_wire(message_fragments=3, fast_lane=lane)
    empty = frame(CONTINUATION, is_final=False)

    assert violation(receive(wire, frame(TEXT, is_final=False) + empty * 3)).code == 1008


def test_a_frame_that_comes_byte_by_byte_is_one_fragment(lane):
    wire = new_wire(message_fragments=1, fast_lane=lane)

    assert receive(wire, *in_pieces(frame(TEXT, b"x" * 500), 1)) == ["x" * 500]


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_message_that_comes_byte_by_byte_takes_little_memory(lane, opcode):
    length = 8_000
    wire = new_wire(message_bytes=length, fast_lane=lane)
    data = frame(opcode, bytes(length))
    receive(wire, data[:100])
    tracemalloc.start()
    receive(wire, *(data[place : place + 1] for place in range(100, len(data) - 1)))
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    (message,) = receive(wire, data[-1:])

    assert len(message) == length
    assert held_bytes < 4 * length


# Holding.


def test_a_message_over_the_limit_is_held_while_that_is_allowed(lane):
    wire = new_wire(message_bytes=10, fast_lane=lane)
    wire.may_hold = True

    assert receive(wire, HELLO + frame(TEXT, b"01234567890")) == ["hello"]
    assert wire.is_holding
    assert wire.events(64) == []

    wire.may_hold = False

    assert violation(wire.events(64)).code == 1009
    assert not wire.is_holding
    assert not wire.is_pending


def test_a_held_message_needs_no_more_input_to_fail(lane):
    wire = new_wire(message_bytes=10, fast_lane=lane)
    wire.may_hold = True
    receive(wire, frame(TEXT, b"01234567890")[:6])

    assert wire.is_holding

    wire.may_hold = False

    assert violation(wire.events(64)).code == 1009


def test_a_held_message_is_streamed(lane):
    wire = new_wire(message_bytes=10, fast_lane=lane)
    wire.may_hold = True
    receive(wire, frame(TEXT, b"first ", is_final=False), frame(CONTINUATION, b"second") + HELLO)

    assert wire.is_holding

    wire.start_streaming()

    assert not wire.is_holding
    assert drain(wire) == [Fragment("first ", is_last=False), Fragment("second", is_last=True), "hello"]


def test_a_message_within_the_limit_is_not_held(lane):
    wire = new_wire(message_bytes=10, fast_lane=lane)
    wire.may_hold = True

    assert receive(wire, frame(TEXT, b"0123456789")) == ["0123456789"]
    assert not wire.is_holding


# Streaming.


def joined(events):
    assert all(isinstance(event, Fragment) for event in events)
    assert [event.is_last for event in events] == [False] * (len(events) - 1) + [True]
    return type(events[0].data)().join(event.data for event in events)


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_the_next_message_is_streamed_whatever_its_length(lane, opcode, size):
    payload = "grüße".encode() * 100
    wire = new_wire(message_bytes=50, message_fragments=2, fast_lane=lane)
    wire.start_streaming()
    data = frame(opcode, payload[:101], is_final=False) + frame(CONTINUATION, is_final=False)
    data += frame(CONTINUATION, payload[101:])

    assert joined(receive(wire, *in_pieces(data, size))) == (payload.decode() if opcode == TEXT else payload)
    assert receive(wire, HELLO) == ["hello"]
    assert violation(receive(wire, frame(opcode, payload))).code == 1009


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_one_long_frame_is_streamed(lane, size):
    wire = new_wire(message_bytes=50, fast_lane=lane)
    wire.start_streaming()

    assert joined(receive(wire, *in_pieces(frame(BINARY, b"x" * 500), size))) == b"x" * 500


@pytest.mark.parametrize(("opcode", "empty"), [(TEXT, ""), (BINARY, b"")])
def test_an_empty_message_is_one_empty_last_piece(lane, opcode, empty):
    wire = new_wire(fast_lane=lane)
    wire.start_streaming()

    assert receive(wire, frame(opcode) + HELLO) == [Fragment(empty, is_last=True), "hello"]


def test_only_the_last_piece_may_be_empty(lane):
    wire = new_wire(fast_lane=lane)
    wire.start_streaming()
    data = frame(TEXT, b"\xc3", is_final=False) + frame(CONTINUATION, is_final=False)
    data += frame(CONTINUATION, b"\xa9", is_final=False) + frame(CONTINUATION)

    assert receive(wire, data) == [Fragment("é", is_last=False), Fragment("", is_last=True)]


def test_control_frames_pass_between_pieces(lane):
    wire = new_wire(fast_lane=lane)
    wire.start_streaming()
    data = frame(BINARY, b"a", is_final=False) + frame(PING, b"!") + frame(CONTINUATION, b"b")

    assert receive(wire, data) == [Fragment(b"a", is_last=False), Ping(b"!"), Fragment(b"b", is_last=True)]


def test_control_frames_before_the_streamed_message_change_nothing(lane):
    wire = new_wire(fast_lane=lane)
    wire.start_streaming()

    assert receive(wire, frame(PING, b"!") + HELLO) == [Ping(b"!"), Fragment("hello", is_last=True)]


def test_an_open_message_is_streamed_from_where_it_is(lane):
    wire = new_wire(fast_lane=lane)
    data = frame(BINARY, b"0123456789")
    receive(wire, data[:-5])
    wire.start_streaming()

    assert drain(wire) == [Fragment(b"01234", is_last=False)]
    assert receive(wire, data[-5:] + HELLO) == [Fragment(b"56789", is_last=True), "hello"]


def test_a_backlog_goes_out_before_the_last_piece(lane):
    wire = new_wire(fast_lane=lane)
    data = frame(BINARY, b"0123456789")
    receive(wire, *in_pieces(data[:-1], 1))
    wire.feed(data[-1:])
    wire.start_streaming()

    assert drain(wire, most=1) == [Fragment(b"012345678", is_last=False), Fragment(b"9", is_last=True)]


def test_streaming_can_be_taken_back_before_a_piece_was_handed_out(lane):
    wire = new_wire(message_bytes=8, fast_lane=lane)
    wire.start_streaming()
    wire.stop_streaming()

    assert receive(wire, HELLO) == ["hello"]

    wire.start_streaming()
    half_a_character = frame(TEXT, "é".encode() * 5)[:7]

    assert receive(wire, half_a_character) == []

    wire.stop_streaming()

    assert violation(wire.events(1)).code == 1009


def test_a_message_that_has_begun_to_be_streamed_is_streamed_to_its_end(lane):
    wire = new_wire(fast_lane=lane)
    wire.start_streaming()
    data = frame(BINARY, b"0123456789") + HELLO
    first = receive(wire, data[:10])
    wire.stop_streaming()

    assert joined(first + receive(wire, data[10:])[:-1]) == b"0123456789"
