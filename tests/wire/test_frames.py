"""The layout of frames that are sent, and the close payload in both directions."""

from __future__ import annotations

import pytest
from support.wire import whole

from trioweb._wire.frames import (
    BINARY,
    CLOSE,
    FINAL,
    JOINED_BYTES,
    PING,
    TEXT,
    decode_close_payload,
    encode_close_payload,
    encode_control,
    encode_frame,
    header_bytes,
    payload_bytes,
)
from trioweb.closing import Close
from trioweb.errors import RemoteProtocolError


@pytest.mark.parametrize(
    ("length", "header"),
    [
        (0, b"\x82\x00"),
        (125, b"\x82\x7d"),
        (126, b"\x82\x7e\x00\x7e"),
        (256, b"\x82\x7e\x01\x00"),
        (65535, b"\x82\x7e\xff\xff"),
        (65536, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_length_takes_its_shortest_form_and_no_mask(length, header):  # RFC 6455 §5.2
    payload = b"x" * length

    assert whole(encode_frame(FINAL | BINARY, payload)) == header + payload


def test_only_a_long_payload_stays_apart_from_its_header():
    assert isinstance(encode_frame(FINAL | BINARY, b"x" * JOINED_BYTES), bytes)

    payload = b"x" * (JOINED_BYTES + 1)
    header, apart = encode_frame(FINAL | BINARY, payload)

    assert header == b"\x82\x7e\x40\x01"
    assert apart is payload


def test_a_fragment_has_no_final_bit():
    assert encode_frame(TEXT, b"Hel") == b"\x01\x03Hel"  # RFC 6455 §5.7


def test_a_control_frame_is_encoded_with_its_length():
    assert encode_control(PING, b"Hello") == b"\x89\x05Hello"
    assert encode_control(CLOSE, b"x" * 125) == b"\x88\x7d" + b"x" * 125


@pytest.mark.parametrize(
    ("header", "length", "announced"),
    [
        (b"\x81\x05", 2, 5),
        (b"\x81\x85\x00\x00\x00\x00", 6, 5),
        (b"\x81\x7e\x01\x00", 4, 256),
        (b"\x81\xfe\x01\x00\x00\x00\x00\x00", 8, 256),
        (b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10, 65536),
        (b"\x81\xff\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00", 14, 65536),
    ],
)
def test_a_header_is_measured(header, length, announced):
    assert header_bytes(header[1]) == length
    assert payload_bytes(header) == announced


@pytest.mark.parametrize("code", [1000, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])
def test_a_legal_close_is_read_back(code):
    close = Close(code, "tschüß")

    assert decode_close_payload(encode_close_payload(close)) == close


def test_a_close_without_a_code_is_1005():  # RFC 6455 §7.1.5
    assert decode_close_payload(b"") == Close(1005)


@pytest.mark.parametrize("code", [1004, 1005, 1006, 1015])
def test_a_code_that_is_never_sent_leaves_the_frame_empty(code):
    assert encode_close_payload(Close(code, "reason")) == b""


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
def test_an_illegal_close_code_is_a_protocol_error(code):  # RFC 6455 §7.4
    with pytest.raises(RemoteProtocolError, match=f"close code {code}") as caught:
        decode_close_payload(code.to_bytes(2, "big"))

    assert caught.value.close_code == 1002


def test_a_close_of_one_byte_is_a_protocol_error():  # RFC 6455 §5.5.1
    with pytest.raises(RemoteProtocolError, match="one byte") as caught:
        decode_close_payload(b"\x03")

    assert caught.value.close_code == 1002


def test_a_close_reason_must_be_utf8():
    with pytest.raises(RemoteProtocolError, match="not UTF-8") as caught:
        decode_close_payload(b"\x03\xe8\xce\xba\xe1\xbd")

    assert caught.value.close_code == 1007


def test_a_long_reason_is_shortened_between_characters():
    payload = encode_close_payload(Close(1000, "é" * 100))

    assert decode_close_payload(payload) == Close(1000, "é" * 61)
    assert len(payload) <= 125
