"""Incoming compressed messages: the examples of RFC 7692, limits, and false lengths."""

from __future__ import annotations

import tracemalloc
import zlib

import pytest
from support.wire import drain, in_pieces, new_wire, receive

from trioweb._wire.deflate import DeflateAgreement
from trioweb._wire.events import Fragment, Ping, Violation
from trioweb.testing import BINARY, CONTINUATION, PING, TEXT, frame

RSV1 = 4


def compressing(bits=15):
    compressor = zlib.compressobj(wbits=-bits)

    def compress(data):
        return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]

    return compress


def deflated(data):
    return compressing()(data)


def new_deflate_wire(*, message_bytes=1000, **agreement):
    return new_wire(message_bytes=message_bytes, deflate=DeflateAgreement(**agreement))


# RFC 7692 §7.2.3


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(bytes.fromhex("c187 00000000 f248cdc9c90700"), id="one frame"),
        pytest.param(bytes.fromhex("4183 00000000 f248cd 8084 00000000 c9c90700"), id="two frames"),
        pytest.param(bytes.fromhex("c18b 00000000 000500faff48656c6c6f00"), id="stored"),
        pytest.param(bytes.fromhex("c188 00000000 f348cdc9c9070000"), id="BFINAL"),
        pytest.param(bytes.fromhex("c187 00000000 f348cdc9c90700"), id="BFINAL and nothing behind"),
        pytest.param(bytes.fromhex("c18d 00000000 f248050000 00ffffcac9c90700"), id="two blocks"),
    ],
)
@pytest.mark.parametrize("size", [1, 100])
def test_the_examples_of_the_rfc_are_read(data, size):
    wire = new_deflate_wire()

    assert receive(wire, *in_pieces(data * 2, size)) == ["Hello", "Hello"]


def test_an_empty_message_is_one_zero_byte():
    assert receive(new_deflate_wire(), frame(TEXT, b"\x00", reserved=RSV1) * 2) == ["", ""]


def test_the_window_is_kept_from_message_to_message():
    compress = compressing()
    data = b"".join(frame(BINARY, compress(bytes(range(256))), reserved=RSV1) for _ in range(3))

    assert receive(new_deflate_wire(), data) == [bytes(range(256))] * 3


def test_the_window_is_not_kept_without_context_takeover():
    compress = compressing()
    wire = new_deflate_wire(client_no_context_takeover=True)
    first, second = (frame(BINARY, compress(bytes(range(256))), reserved=RSV1) for _ in range(2))

    assert receive(wire, first) == [bytes(range(256))]

    (event,) = receive(wire, second)

    assert event.close.code == 1007


def test_a_small_window_of_the_client_is_read():
    compress = compressing(9)
    wire = new_deflate_wire(client_max_window_bits=8)

    assert receive(wire, frame(BINARY, compress(b"abc" * 300), reserved=RSV1)) == [b"abc" * 300]


def test_plain_messages_come_between_compressed_ones():
    wire = new_deflate_wire()
    data = frame(TEXT, deflated(b"one"), reserved=RSV1) + frame(TEXT, b"two")

    assert receive(wire, data * 2) == ["one", "two"] * 2


@pytest.mark.parametrize("size", [1, 1000])
def test_fragments_may_have_pings_between_them(size):
    payload = deflated(b"0123456789" * 20)
    data = frame(TEXT, payload[:5], is_final=False, reserved=RSV1) + frame(PING, b"!")
    data += frame(CONTINUATION, is_final=False) + frame(PING) + frame(CONTINUATION, payload[5:])

    assert (
        receive(new_deflate_wire(), *in_pieces(data * 2, size))
        == [
            Ping(b"!"),
            Ping(b""),
            "0123456789" * 20,
        ]
        * 2
    )


# What is wrong.


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(frame(PING, b"x", reserved=RSV1), 1002, id="compressed ping"),
        pytest.param(
            frame(TEXT, b"x", is_final=False) + frame(CONTINUATION, b"x", reserved=RSV1),
            1002,
            id="RSV1 on a continuation",
        ),
        pytest.param(frame(TEXT, b"\x00", reserved=RSV1 | 2), 1002, id="RSV2"),
        pytest.param(frame(TEXT, b"\x07garbage", reserved=RSV1), 1007, id="not deflate"),
        pytest.param(frame(TEXT, deflated(b"\xff"), reserved=RSV1), 1007, id="not UTF-8"),
        pytest.param(
            frame(TEXT, b"a", is_final=False) + frame(TEXT, b"\x07", reserved=RSV1), 1002, id="out of turn"
        ),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_a_broken_frame_fails_with_its_code(data, code, size):
    (event,) = receive(new_deflate_wire(), *in_pieces(data, size))

    assert isinstance(event, Violation)
    assert event.close.code == code


def test_the_reason_says_what_was_wrong():
    (event,) = receive(new_deflate_wire(), frame(TEXT, b"\x07", reserved=RSV1))

    assert event.close.reason.startswith("compressed data that cannot be inflated")


# Limits.


@pytest.mark.parametrize("size", [1, 10_000])
def test_the_limit_counts_what_a_message_inflates_to(size):
    exact = frame(BINARY, deflated(bytes(1000)), reserved=RSV1)
    longer = frame(BINARY, deflated(bytes(1001)), reserved=RSV1)

    assert receive(new_deflate_wire(), *in_pieces(exact * 3, size)) == [bytes(1000)] * 3

    (event,) = receive(new_deflate_wire(), *in_pieces(longer, size))

    assert event.close.code == 1009
    assert "inflates to over 1000 bytes (Limits.message_bytes)" in event.close.reason


def test_an_incompressible_message_may_be_as_long_as_the_limit():
    payload = zlib.compress(b"".join(number.to_bytes(3, "big") for number in range(9000)))[:1000]

    assert receive(new_deflate_wire(), frame(BINARY, deflated(payload), reserved=RSV1)) == [payload]


def test_a_frame_that_announces_far_too_much_fails_at_once():
    header = frame(BINARY, bytes(3000), reserved=RSV1)[:8]
    wire = new_deflate_wire()
    wire.may_hold = True  # which is never true of compressed messages

    (event,) = receive(wire, header)

    assert event.close.code == 1009


def test_a_bomb_takes_no_more_memory_than_a_message_may():
    bomb = frame(BINARY, deflated(bytes(64 * 1024 * 1024)), reserved=RSV1)
    wire = new_deflate_wire(message_bytes=100_000)
    tracemalloc.start()
    events = receive(wire, *in_pieces(bomb, 65536))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [event.close.code for event in events] == [1009]
    assert peak_bytes < 1_000_000


# Streaming.


def test_a_streamed_message_may_inflate_to_any_length_a_little_at_a_time():
    length = 8 * 1024 * 1024
    wire = new_deflate_wire()
    wire.start_streaming()
    pieces = []
    for part in in_pieces(frame(BINARY, deflated(bytes(length)), reserved=RSV1), 65536):
        wire.feed(part)
        while wire.is_pending:
            batch = wire.events(64)
            assert sum(len(event.data) for event in batch) < 1.2 * 1024 * 1024
            pieces += batch

    assert sum(len(piece.data) for piece in pieces) == length
    assert [piece.is_last for piece in pieces] == [False] * (len(pieces) - 1) + [True]


def test_a_message_can_be_streamed_from_its_middle():
    payload = deflated(bytes(range(256)) * 8)
    wire = new_deflate_wire()
    compressed = frame(BINARY, payload, reserved=RSV1)
    receive(wire, compressed[:100])
    wire.start_streaming()
    pieces = drain(wire) + receive(wire, compressed[100:])

    assert b"".join(piece.data for piece in pieces) == bytes(range(256)) * 8
    assert all(isinstance(piece, Fragment) for piece in pieces)
    assert receive(wire, frame(TEXT, b"plain")) == ["plain"]


def test_a_stream_ends_with_an_empty_frame():
    wire = new_deflate_wire()
    wire.start_streaming()
    data = frame(TEXT, deflated(b"all"), is_final=False, reserved=RSV1) + frame(CONTINUATION)

    assert receive(wire, data) == [Fragment("all", is_last=False), Fragment("", is_last=True)]


def test_nothing_is_offered_through_wsproto():
    wire = new_deflate_wire()

    assert wire._inflater.enabled()
    assert not wire._inflater.offer()
