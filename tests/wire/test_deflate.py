"""The negotiation of compression, and sending by its result."""

from __future__ import annotations

import zlib

import pytest
from support.wire import new_wire, whole

from trioweb._wire.deflate import DeflateAgreement, Deflator, negotiate_deflate
from trioweb.config import Deflate

TAIL = b"\x00\x00\xff\xff"


def answer(*offers, **settings):
    agreement = negotiate_deflate(list(offers), Deflate(**settings))
    return None if agreement is None else agreement.header_value


# The offers of clients.


@pytest.mark.parametrize(
    ("offer", "expected"),
    [
        ("permessage-deflate", "permessage-deflate"),
        (
            "permessage-deflate; client_max_window_bits",  # browsers
            "permessage-deflate; client_max_window_bits=12",
        ),
        (
            "permessage-deflate; client_max_window_bits=10",
            "permessage-deflate; client_max_window_bits=10",
        ),
        (
            "permessage-deflate; client_max_window_bits=8",
            "permessage-deflate; client_max_window_bits=8",
        ),
        (
            "permessage-deflate; server_max_window_bits=9",
            "permessage-deflate; server_max_window_bits=9",
        ),
        (
            "permessage-deflate; server_max_window_bits=15",
            "permessage-deflate; server_max_window_bits=12",
        ),
        (
            "permessage-deflate; server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover",
        ),
        (
            "permessage-deflate; client_no_context_takeover",
            "permessage-deflate; client_no_context_takeover",
        ),
        (
            'permessage-deflate; server_max_window_bits="10"',
            "permessage-deflate; server_max_window_bits=10",
        ),
    ],
)
def test_an_offer_is_accepted_within_what_was_offered(offer, expected):  # RFC 7692 §7.1
    assert answer(offer) == expected


@pytest.mark.parametrize(
    "parameters",
    [
        "client_max_window_bits=abc",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=010",
        "client_max_window_bits=+9",
        "client_max_window_bits=٩",
        "server_max_window_bits",
        "server_max_window_bits=0",
        "server_max_window_bits=8",  # allowed, but zlib cannot
        "server_no_context_takeover=1",
        "client_no_context_takeover=true",
        "client_max_window_bits; client_max_window_bits",
        "server_no_context_takeover; server_no_context_takeover",
        "x-unknown",
        "Client_max_window_bits",
    ],
)
def test_an_offer_with_anything_wrong_in_it_is_declined(parameters):
    assert answer(f"permessage-deflate; {parameters}") is None


def test_the_first_offer_that_can_be_accepted_is_taken_alone():
    assert (
        answer(
            "x-webkit-deflate-frame, permessage-deflate; server_max_window_bits=8; client_no_context_takeover",
            "permessage-deflate; server_max_window_bits=10, permessage-deflate; client_max_window_bits",
        )
        == "permessage-deflate; server_max_window_bits=10"
    )


def test_without_an_offer_there_is_no_compression():
    assert answer() is None
    assert answer("permessage-bzip2") is None


def test_context_takeover_is_switched_off_for_both_sides():
    agreement = negotiate_deflate(["permessage-deflate"], Deflate(context_takeover=False))

    assert agreement.header_value == (
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    )
    assert agreement.shares_frames


def test_a_client_that_cannot_be_limited_may_use_the_largest_window():
    assert negotiate_deflate(["permessage-deflate"], Deflate()).client_max_window_bits == 15


def test_connections_that_send_alike_have_equal_agreements():
    named = negotiate_deflate(["permessage-deflate; server_max_window_bits=12"], Deflate())
    unnamed = negotiate_deflate(["permessage-deflate"], Deflate())

    assert named == unnamed
    assert hash(named) == hash(unnamed)
    assert named.header_value != unnamed.header_value
    assert named != negotiate_deflate(["permessage-deflate; server_max_window_bits=10"], Deflate())


# Sending.


def inflated(*payloads, bits=15):
    inflater = zlib.decompressobj(-bits)
    return [inflater.decompress(payload + TAIL) for payload in payloads]


def test_with_context_takeover_a_repeated_message_is_a_few_bytes():
    deflator = Deflator(DeflateAgreement())
    message = bytes(range(256))
    payloads = [deflator.compress(message) for _ in range(3)]

    assert inflated(*payloads) == [message] * 3
    assert len(payloads[1]) < 20


def test_each_message_is_compressed_alone_without_context_takeover():
    deflator = Deflator(DeflateAgreement(server_no_context_takeover=True))
    message = b"abc" * 100
    first, second = deflator.compress(message), deflator.compress(message)

    assert first == second
    assert inflated(second) == [message]


def test_the_window_is_the_agreed_one():
    far_apart = bytes(range(256)) * 2 + b"\x00" * 3000 + bytes(range(256)) * 2
    payload = Deflator(DeflateAgreement(server_max_window_bits=9)).compress(far_apart)

    assert inflated(payload, bits=9) == [far_apart]


def test_short_and_empty_messages_are_sent_as_they_are():
    deflator = Deflator(DeflateAgreement(minimum_bytes=10))

    assert deflator.compress(b"x" * 9) is None
    assert deflator.compress(b"x" * 10) is not None
    assert Deflator(DeflateAgreement(minimum_bytes=0)).compress(b"") is None


def test_a_message_that_does_not_shrink_is_sent_as_it_is_unless_the_context_is_kept():
    random_bytes = zlib.compress(bytes(range(256)) * 40)[:100]

    assert Deflator(DeflateAgreement(server_no_context_takeover=True)).compress(random_bytes) is None
    assert Deflator(DeflateAgreement()).compress(random_bytes) is not None


def test_a_compressed_message_has_the_first_reserved_bit():  # RFC 7692 §6
    wire = new_wire(deflate=DeflateAgreement(minimum_bytes=10))
    text, binary = whole(wire.encode("Hello" * 10)), whole(wire.encode(b"Hello" * 10))

    assert (text[0], binary[0]) == (0xC1, 0xC2)
    assert inflated(text[2:], binary[2:]) == [b"Hello" * 10] * 2
    assert wire.encode("short") == b"\x81\x05short"


def test_pieces_are_not_compressed():
    wire = new_wire(deflate=DeflateAgreement())

    assert wire.encode_fragment("a" * 99, is_text=True, is_first=True, is_last=True)[:2] == b"\x81\x63"
