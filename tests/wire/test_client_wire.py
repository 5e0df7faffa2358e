"""The client's side: what it sends is masked, and what it receives must not be."""

from __future__ import annotations

import tracemalloc
import zlib

import pytest
from support.wire import drain, in_pieces, new_wire, receive, violation, whole

from trioweb._websocket.publication import Publication
from trioweb._wire.client_wire import ClientWire
from trioweb._wire.deflate import DeflateAgreement
from trioweb._wire.events import PeerClosed, Ping, Pong
from trioweb.closing import Close
from trioweb.testing import BINARY, CONTINUATION, PING, TEXT, frame

AGREEMENT = DeflateAgreement(client_max_window_bits=9, server_no_context_takeover=True)
MESSAGES = ["", "a", "x" * 125, b"y" * 126, b"\x00" * 20_000, "é" * 35_000]
SIDES = [(ClientWire, new_wire().__class__), (new_wire().__class__, ClientWire)]


def wire_of(side, **settings):
    return side(**{"message_bytes": 100_000, "message_fragments": 100, **settings})


def said(wire):
    """Everything that a side can send, in one piece."""
    frames = [
        *map(wire.encode, MESSAGES),
        wire.encode_ping(b"ping"),
        wire.encode_fragment("be", is_text=True, is_first=True, is_last=False),
        wire.encode_pong(b""),
        wire.encode_fragment("gun" * 100, is_text=True, is_first=False, is_last=True),
        wire.encode_close(Close(1001, "bye")),
    ]
    return b"".join(map(whole, frames))


@pytest.mark.parametrize("fast_lane", [True, False])
@pytest.mark.parametrize("deflate", [None, AGREEMENT, AGREEMENT.exchanged()])
@pytest.mark.parametrize(("sender", "receiver"), SIDES)
@pytest.mark.parametrize("size", [5, 1000, 1_000_000])
def test_each_side_understands_the_other(sender, receiver, deflate, fast_lane, size):
    data = said(wire_of(sender, deflate=deflate))
    wire = wire_of(receiver, deflate=deflate, fast_lane=fast_lane)

    assert receive(wire, *in_pieces(data, size)) == [
        *MESSAGES,
        Ping(b"ping"),
        Pong(b""),
        "be" + "gun" * 100,
        PeerClosed(Close(1001, "bye")),
    ]
    assert wire.unfinished_bytes == 0


@pytest.mark.parametrize("side", [side for side, _ in SIDES])
@pytest.mark.parametrize("payload", [b"", b"ping", bytes(125)])
def test_the_length_of_a_ping_is_known_without_building_it(side, payload):
    wire = wire_of(side)
    assert len(wire.encode_ping(payload)) == wire.sent_control_header_bytes + len(payload)


@pytest.mark.parametrize("fast_lane", [True, False])
@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING])
@pytest.mark.parametrize("length", [0, 5, 125])
def test_a_masked_frame_from_a_server_is_1002(opcode, length, fast_lane):  # RFC 6455 §5.1
    wire = wire_of(ClientWire, fast_lane=fast_lane)
    events = receive(wire, frame(opcode, b"x" * length))

    assert violation(events).code == 1002
    assert "masked" in violation(events).reason


def test_messages_are_decoded_without_asking_for_events():
    wire, found = wire_of(ClientWire), []
    data = frame(TEXT, b"one", mask=None) + frame(BINARY, b"x" * 200, mask=None)

    assert wire.feed_plain(data, found, 64)
    assert found == ["one", b"x" * 200]

    part = frame(TEXT, b"three", mask=None)
    assert not wire.feed_plain(data + part[:3], found, 64)
    assert drain(wire) == []
    assert not wire.feed_plain(part[3:] + data, found, 64)
    assert drain(wire) == ["three", "one", b"x" * 200]
    assert found == ["one", b"x" * 200] * 2


def test_a_client_may_be_sent_less_than_it_has_room_for():
    wire, found = wire_of(ClientWire), []
    data = frame(TEXT, b"x", mask=None)

    assert not wire.feed_plain(data * 3, found, 2)
    assert (found, drain(wire)) == (["x"] * 2, ["x"])


def test_skipping_expects_what_decoding_expects():
    bye = frame(8, b"\x03\xe8", mask=None)
    wire = wire_of(ClientWire)
    wire.skip_messages()
    assert receive(wire, frame(CONTINUATION, b"x" * 300, mask=None) + bye) == [PeerClosed(Close(1000))]

    wire = wire_of(ClientWire)
    wire.skip_messages()
    assert "a mask" in violation(receive(wire, frame(TEXT, b"x"))).reason


# What one byte of a hostile server costs.

BOMB = zlib.compress(bytes(32 * 1024 * 1024), 9)[2:-4]
KILOBYTES = 1024


def test_a_compressed_bomb_inflates_to_the_limit_and_no_further():
    wire = wire_of(ClientWire, message_bytes=50_000, deflate=DeflateAgreement())
    bomb = frame(BINARY, BOMB, reserved=4, mask=None)
    tracemalloc.start()
    events = receive(wire, bomb)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert violation(events).code == 1009
    assert peak_bytes < 500 * KILOBYTES


@pytest.mark.parametrize("tiny", [frame(PING, mask=None), frame(CONTINUATION, is_final=False, mask=None)])
def test_tiny_frames_are_decoded_a_few_at_a_time(tiny):
    wire = wire_of(ClientWire, message_fragments=100_000)
    wire.feed(frame(TEXT, is_final=False, mask=None) + tiny * 30_000)

    assert len(wire.events(64)) <= 64
    assert len(wire._input) - wire._position > 59_000


def test_a_header_that_announces_too_much_holds_nothing():
    wire = wire_of(ClientWire)
    header = frame(BINARY, b"x" * 100_001, mask=None)[:10]

    assert violation(receive(wire, header)).code == 1009
    assert not wire._input


# Masks.


def keys_of(data):
    """The key of each masked frame."""
    keys, position = [], 0
    while position < len(data):
        assert data[position + 1] & 0x80
        length, start = data[position + 1] & 0x7F, 2
        if length > 125:
            start = 4 if length == 126 else 10
            length = int.from_bytes(data[position + 2 : position + start], "big")
        keys.append(data[position + start : position + start + 4])
        position += start + 4 + length
    return keys


@pytest.mark.parametrize("deflate", [None, DeflateAgreement(), AGREEMENT.exchanged()])
def test_every_frame_of_every_kind_has_a_key_of_its_own(deflate):
    one, other = wire_of(ClientWire, deflate=deflate), wire_of(ClientWire, deflate=deflate)
    keys = keys_of(b"".join(said(wire) for _ in range(50) for wire in (one, other)))

    assert len(keys) == 100 * (len(MESSAGES) + 5)
    assert len(set(keys)) >= len(keys) - 1  # two of a thousand may be equal by chance, once in 8000 runs


def test_publishing_a_message_never_shares_the_frame_of_a_client():
    client, server = wire_of(ClientWire), new_wire()
    publication = Publication("hello")

    assert publication.frame_for(server) is publication.frame_for(new_wire())
    first, second = publication.frame_for(client), publication.frame_for(client)
    assert first != second
    assert publication.frames.get(client.frame_kind) is None
    assert receive(server, first, second) == ["hello"] * 2
