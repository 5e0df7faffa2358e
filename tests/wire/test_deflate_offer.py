"""The negotiation of compression by a client (RFC 7692 §7.1)."""

from __future__ import annotations

import zlib

import pytest
from support.wire import new_wire, receive, whole

from trioweb._wire.client_wire import ClientWire
from trioweb._wire.deflate import DeflateAgreement, negotiate_deflate
from trioweb._wire.deflate_offer import accept_deflate, offer_deflate
from trioweb.config import Deflate
from trioweb.errors import RemoteProtocolError

ANY_WINDOW = Deflate(window_bits=15)
ALONE = Deflate(context_takeover=False)


def accepted(answer, settings=None):
    return accept_deflate([answer], settings or Deflate(window_bits=12))


# What is offered.


@pytest.mark.parametrize(
    ("settings", "offer"),
    [
        (ANY_WINDOW, "permessage-deflate; client_max_window_bits"),
        (
            Deflate(window_bits=10),
            (
                "permessage-deflate; client_max_window_bits=10; server_max_window_bits=10, "
                "permessage-deflate; client_max_window_bits=10"
            ),
        ),
        (
            Deflate(window_bits=15, context_takeover=False),
            (
                "permessage-deflate; client_max_window_bits; "
                "server_no_context_takeover; client_no_context_takeover"
            ),
        ),
    ],
)
def test_an_offer_asks_for_the_window_and_does_without_the_servers(settings, offer):
    assert offer_deflate(settings) == offer


@pytest.mark.parametrize("client", [Deflate(), ANY_WINDOW, ALONE, Deflate(window_bits=9, minimum_bytes=0)])
@pytest.mark.parametrize("server", [Deflate(), ANY_WINDOW, ALONE, Deflate(window_bits=9)])
def test_our_client_agrees_with_our_server(client, server):
    theirs = negotiate_deflate([offer_deflate(client)], server)
    ours = accept_deflate([theirs.header_value], client)

    assert ours.client_max_window_bits <= theirs.client_max_window_bits
    assert ours.server_max_window_bits >= theirs.server_max_window_bits
    assert ours.server_no_context_takeover == theirs.server_no_context_takeover
    assert ours.client_no_context_takeover or not theirs.client_no_context_takeover

    limits = {"message_bytes": 100_000, "message_fragments": 10}
    one, other = ClientWire(deflate=ours, **limits), new_wire(deflate=theirs, **limits)
    messages = ["the same words " * 300, bytes(range(100)) * 100, "the same words " * 300]
    for sender, receiver in ((one, other), (other, one)):
        frames = [whole(sender.encode(message)) for message in messages]
        assert sum(map(len, frames)) < sum(map(len, messages)) // 2
        assert receive(receiver, *frames) == messages


# What is accepted.


@pytest.mark.parametrize("lines", [[], [""], [" , "], ["", ""]])
def test_without_an_answer_there_is_no_compression(lines):
    assert accept_deflate(lines, Deflate()) is None
    assert accept_deflate(lines, None) is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("permessage-deflate", DeflateAgreement(client_max_window_bits=12)),
        (
            "permessage-deflate; client_max_window_bits=10",
            DeflateAgreement(client_max_window_bits=10),
        ),
        (
            'permessage-deflate; server_max_window_bits="9"; client_max_window_bits=12',
            DeflateAgreement(server_max_window_bits=9, client_max_window_bits=12),
        ),
        (
            "permessage-deflate; server_max_window_bits=8",
            DeflateAgreement(server_max_window_bits=8, client_max_window_bits=12),
        ),
        (
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            DeflateAgreement(
                server_no_context_takeover=True, client_no_context_takeover=True, client_max_window_bits=12
            ),
        ),
    ],
)
def test_an_answer_within_the_offer_is_taken(answer, expected):
    settings = Deflate(window_bits=12, level=6, memory_level=8, minimum_bytes=0)

    assert accepted(answer, settings) == expected


@pytest.mark.parametrize(
    "answer",
    [
        "permessage-bzip2",
        "permessage-deflate, permessage-deflate",
        "permessage-deflate, x-other",
        "permessage-deflate; x-unknown",
        "permessage-deflate; client_max_window_bits",  # §7.1.2.2: an answer has a value
        "permessage-deflate; client_max_window_bits=13",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=010",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=+9",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover=true",
        "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
        "permessage-deflate;",
        "permessage-deflate; =",
        "perme ssage-deflate",
        '"permessage-deflate"',
        "permessage-deflate; server_max_window_bits=",
        "permessage-deflate; server_max_window_bits=\x0012",
    ],
)
def test_an_answer_with_anything_wrong_in_it_is_an_error(answer):
    with pytest.raises(RemoteProtocolError, match="Sec-WebSocket-Extensions"):
        accepted(answer)


def test_two_lines_are_one_list():  # RFC 6455 §9.1
    assert accept_deflate(["", "permessage-deflate"], Deflate()) is not None
    with pytest.raises(RemoteProtocolError, match="more than one"):
        accept_deflate(["permessage-deflate", "permessage-deflate"], Deflate())


def test_an_extension_that_was_not_offered_is_an_error():  # RFC 6455 §4.1
    with pytest.raises(RemoteProtocolError, match="not offered"):
        accept_deflate(["permessage-deflate"], None)


def test_a_server_that_keeps_its_context_although_it_must_not_is_an_error():  # §7.1.1.1
    with pytest.raises(RemoteProtocolError, match="lacks server_no_context_takeover"):
        accepted("permessage-deflate; client_no_context_takeover", ALONE)

    agreement = accepted("permessage-deflate; server_no_context_takeover", ALONE)
    assert agreement.client_no_context_takeover  # it was promised


def test_with_the_smallest_window_a_client_only_receives_compressed_messages():
    agreement = accepted("permessage-deflate; client_max_window_bits=8; server_max_window_bits=8")
    wire = ClientWire(message_bytes=1000, message_fragments=10, deflate=agreement)
    compressor = zlib.compressobj(wbits=-9)
    payload = (compressor.compress(b"hello" * 9) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]

    assert receive(wire, bytes((0xC1, len(payload))) + payload) == ["hello" * 9]
    assert receive(new_wire(message_bytes=10_000), whole(wire.encode("hello" * 1000))) == ["hello" * 1000]
