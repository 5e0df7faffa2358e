"""The traps of wsproto 1.3.2 that concern frames and compression, by number.

Those of the handshake (W6, W7, W8) are in `test_handshake.py` and `test_http1.py`.
"""

from __future__ import annotations

import sys
import tracemalloc
import zlib
from pathlib import Path

import pytest
from support.wire import new_wire, receive, whole

import trioweb
from trioweb._wire.deflate import DeflateAgreement, negotiate_deflate
from trioweb._wire.events import PeerClosed, Ping, Violation
from trioweb.closing import Close
from trioweb.config import Deflate
from trioweb.errors import LocalProtocolError, checked_close
from trioweb.testing import BINARY, CONTINUATION, PING, TEXT, close_frame, frame

RSV1 = 4


def deflated(data):
    compressor = zlib.compressobj(wbits=-15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def test_w01_a_ping_between_compressed_fragments_changes_nothing():
    payload = deflated(b"compressed " * 20)
    data = frame(TEXT, payload[:7], is_final=False, reserved=RSV1) + frame(PING, b"!")
    data += frame(CONTINUATION, payload[7:])

    assert receive(new_wire(deflate=DeflateAgreement()), data) == [Ping(b"!"), "compressed " * 20]


def test_w02_inflating_stops_at_the_limit():
    bomb = frame(BINARY, deflated(bytes(32 * 1024 * 1024)), reserved=RSV1)
    wire = new_wire(message_bytes=50_000, deflate=DeflateAgreement())
    tracemalloc.start()
    (event,) = receive(wire, bomb)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert event.close.code == 1009
    assert peak_bytes < 500_000


@pytest.mark.parametrize("value", ["abc", '"abc"', "", '""', "99999999999999999999", "٣"])
def test_w03_window_bits_that_are_not_a_number_decline_the_offer(value):
    assert negotiate_deflate([f"permessage-deflate; client_max_window_bits={value}"], Deflate()) is None


def test_w03_a_quoted_number_is_accepted():
    agreement = negotiate_deflate(['permessage-deflate; client_max_window_bits="10"'], Deflate())

    assert agreement.client_max_window_bits == 10


def test_w04_an_offer_does_not_override_our_window():
    agreement = negotiate_deflate(
        ["permessage-deflate; server_max_window_bits=15; client_max_window_bits=15"],
        Deflate(window_bits=10),
    )

    assert (agreement.server_max_window_bits, agreement.client_max_window_bits) == (10, 10)


def test_w04_the_clients_window_is_not_limited_unless_that_was_negotiated():
    assert negotiate_deflate(["permessage-deflate"], Deflate(window_bits=9)).client_max_window_bits == 15


def test_w04_offers_are_not_merged():
    agreement = negotiate_deflate(
        ["permessage-deflate; x-unknown; server_no_context_takeover, permessage-deflate"], Deflate()
    )

    assert agreement.header_value == "permessage-deflate"


def test_w05_short_messages_are_not_compressed():
    wire = new_wire(deflate=negotiate_deflate(["permessage-deflate"], Deflate()))

    assert wire.encode("hi") == b"\x81\x02hi"


def test_w05_an_idle_connection_has_no_compressor():
    tracemalloc.start()
    wires = [new_wire(deflate=DeflateAgreement()) for _ in range(100)]
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert held_bytes / len(wires) < 4000


@pytest.mark.parametrize("fast_lane", [True, False])
def test_w09_breaking_the_protocol_is_not_taken_for_the_peers_close(fast_lane):
    wire = new_wire(fast_lane=fast_lane)
    (event,) = receive(wire, frame(3, b"x"))

    assert isinstance(event, Violation)
    assert event.close.code == 1002


@pytest.mark.parametrize("fast_lane", [True, False])
@pytest.mark.parametrize("last", [frame(3, b"x"), close_frame(1000)])
def test_w09_input_after_the_end_does_not_pile_up(fast_lane, last):
    wire = new_wire(fast_lane=fast_lane)
    receive(wire, last)
    tracemalloc.start()
    for _ in range(100):
        wire.feed(bytes(100_000))
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert held_bytes < 100_000
    assert not wire.is_pending


def test_w10_a_second_close_is_not_reported():
    wire = new_wire()

    assert receive(wire, close_frame(1000) + close_frame(1001)) == [PeerClosed(Close(1000))]
    assert receive(wire, close_frame(1001), b"") == []


def test_w11_a_pong_can_be_sent_while_our_close_is_on_its_way():
    wire = new_wire()

    assert wire.encode_close(Close(1000)) == b"\x88\x02\x03\xe8"

    (ping,) = receive(wire, frame(PING, b"still there?"))

    assert wire.encode_pong(ping.payload) == b"\x8a\x0cstill there?"
    assert wire.encode_close(Close(1001)) == b"\x88\x02\x03\xe9"


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2000, 5000, 70_000])
def test_w12_an_application_cannot_send_an_illegal_code(code):
    with pytest.raises(LocalProtocolError, match="cannot be sent"):
        checked_close(code, "")


def test_w13_1014_may_be_received_and_sent():
    close = Close(1014, "bad gateway")

    assert receive(new_wire(), close_frame(*close)) == [PeerClosed(close)]
    assert receive(new_wire(), frame(8, new_wire().encode_close(close)[2:])) == [PeerClosed(close)]


@pytest.mark.parametrize("fast_lane", [True, False])
@pytest.mark.parametrize("payload", [b"", b"x"])
def test_w14_fragments_have_a_limit(fast_lane, payload):
    wire = new_wire(message_fragments=1000, fast_lane=fast_lane)
    events = receive(wire, frame(TEXT, is_final=False) + frame(CONTINUATION, payload, is_final=False) * 1001)

    assert [event.close.code for event in events] == [1008]


def test_w14_a_huge_frame_is_refused_before_it_comes():
    (event,) = receive(new_wire(), b"\x82\xff" + (1 << 40).to_bytes(8, "big") + b"mask")

    assert event.close.code == 1009


def test_w16_a_long_message_is_not_copied_to_be_sent():
    payload = bytes(1024 * 1024)
    references = sys.getrefcount(payload)
    frame_of_it = new_wire().encode(payload)

    assert frame_of_it[1] is payload
    assert sys.getrefcount(payload) == references + 1


def test_w17_messages_compressed_in_order_inflate_in_order():
    wire = new_wire(deflate=DeflateAgreement())
    payloads = [whole(wire.encode("the same text, " * 10))[2:] for _ in range(3)]
    inflater = zlib.decompressobj(-15)

    assert wire.must_encode_in_order
    assert [inflater.decompress(payload + b"\x00\x00\xff\xff") for payload in payloads] == [
        b"the same text, " * 10
    ] * 3


def test_w15_wsprotos_handshake_is_used_nowhere() -> None:
    """It takes 103 Early Hints for a refusal, and fails at a client_max_window_bits without a value."""
    package = Path(trioweb.__file__).parent
    users = [
        path.name for path in package.rglob("*.py") if "wsproto.handshake" in path.read_text(encoding="utf-8")
    ]
    assert users == []
