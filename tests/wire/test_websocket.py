"""The events of a wire, with the lane and without, and the frames it builds."""

from __future__ import annotations

import pytest
from support.wire import drain, in_pieces, new_wire, receive, violation, whole

from trioweb._wire.deflate import DeflateAgreement
from trioweb._wire.events import PeerClosed, Ping, Pong, Violation
from trioweb.closing import Close
from trioweb.testing import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_frame, frame

HELLO = frame(TEXT, b"hello")


@pytest.fixture(params=[True, False], ids=["lane", "wsproto"])
def lane(request):
    return request.param


# Receiving.


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_messages_and_control_frames_come_in_order_however_they_are_cut(lane, size):
    data = b"".join(
        [
            HELLO,
            frame(BINARY, b"x" * 300),
            frame(TEXT, b"caf\xc3", is_final=False),
            frame(PING, b"in between"),
            frame(CONTINUATION, b"\xa9"),
            frame(PONG, b""),
            frame(TEXT, b""),
            frame(BINARY, b""),
            close_frame(4001, "bye"),
        ]
    )

    events = receive(new_wire(fast_lane=lane), *in_pieces(data, size))

    assert events == [
        "hello",
        b"x" * 300,
        Ping(b"in between"),
        "café",
        Pong(b""),
        "",
        b"",
        PeerClosed(Close(4001, "bye")),
    ]


@pytest.mark.parametrize("rest", [HELLO[:9], frame(BINARY, b"x", is_final=False), frame(PING, b"beat")[:6]])
def test_only_what_follows_the_last_whole_message_is_unfinished(lane, rest):
    wire = new_wire(fast_lane=lane)

    assert receive(wire, HELLO * 3 + rest) == ["hello"] * 3
    assert wire.unfinished_bytes == len(rest)


def test_the_lane_opens_again_after_an_odd_frame(lane):
    data = HELLO + frame(PING, b"1") + HELLO + frame(TEXT, b"a", is_final=False)
    data += frame(CONTINUATION, b"b") + HELLO

    assert receive(new_wire(fast_lane=lane), data) == ["hello", Ping(b"1"), "hello", "ab", "hello"]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_no_more_events_come_than_were_asked_for(lane, most):
    wire = new_wire(fast_lane=lane)
    wire.feed(HELLO * 2 + frame(PING) + HELLO * 2)

    batches = []
    while wire.is_pending:
        batches.append(wire.events(most))

    assert max(map(len, batches)) == most
    assert [event for batch in batches for event in batch] == ["hello", "hello", Ping(b""), "hello", "hello"]


def test_input_that_was_not_asked_for_stays_before_later_input(lane):
    wire = new_wire(fast_lane=lane)
    wire.feed(HELLO + HELLO[:3])
    wire.feed(HELLO[3:] + frame(TEXT, b"more"))

    assert wire.events(1) == ["hello"]

    wire.feed(frame(TEXT, b"last"))

    assert drain(wire) == ["hello", "more", "last"]
    assert wire.events(1) == []


def test_messages_before_a_violation_are_delivered_first(lane):
    events = receive(new_wire(fast_lane=lane), HELLO + frame(TEXT, b"no", mask=None) + HELLO)

    assert events[0] == "hello"
    assert violation(events).code == 1002
    assert len(events) == 2


@pytest.mark.parametrize("close", [Close(1000), Close(1001, "away"), Close(1005), Close(1014), Close(4999)])
def test_the_peers_close_is_reported(lane, close):
    data = close_frame() if close.code == 1005 else close_frame(*close)

    assert receive(new_wire(fast_lane=lane), *in_pieces(data, 3)) == [PeerClosed(close)]


@pytest.mark.parametrize(
    ("payload", "code"),
    [(b"\x03", 1002), (b"\x03\xec", 1002), (b"\x13\x88", 1002), (b"\x03\xe8\xff", 1007)],
)
def test_a_broken_close_is_a_violation(lane, payload, code):
    assert violation(receive(new_wire(fast_lane=lane), frame(CLOSE, payload))).code == code


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(frame(TEXT, b"x", mask=None), id="unmasked"),
        pytest.param(frame(TEXT, b"x", reserved=4), id="RSV1"),
        pytest.param(frame(TEXT, b"x", reserved=2), id="RSV2"),
        pytest.param(frame(BINARY, b"x", reserved=1), id="RSV3"),
        pytest.param(frame(PING, b"x", reserved=4), id="RSV1 on a ping"),
        pytest.param(frame(3, b"x"), id="reserved data opcode"),
        pytest.param(frame(7), id="the last of them"),
        pytest.param(frame(0xB, b"x"), id="reserved control opcode"),
        pytest.param(frame(0xF), id="the last of those"),
        pytest.param(frame(PING, b"x", is_final=False), id="fragmented ping"),
        pytest.param(frame(CLOSE, b"\x03\xe8", is_final=False), id="fragmented close"),
        pytest.param(frame(PING, b"x" * 126), id="long ping"),
        pytest.param(frame(CLOSE, b"\x03\xe8" + b"x" * 124), id="long close"),
        pytest.param(frame(CONTINUATION, b"x"), id="nothing to continue"),
        pytest.param(frame(CONTINUATION), id="nothing to continue, empty"),
        pytest.param(frame(CONTINUATION, b"x", is_final=False), id="nothing to continue, not final"),
        pytest.param(frame(TEXT, b"a", is_final=False) + frame(TEXT, b"b"), id="text in a message"),
        pytest.param(frame(TEXT, b"a", is_final=False) + frame(BINARY), id="binary in a message"),
        pytest.param(b"\x81\xfe\x00\x7d" + bytes(4 + 125), id="125 in two bytes"),
        pytest.param(b"\x82\xff" + (0xFFFF).to_bytes(8, "big") + bytes(4), id="65535 in eight bytes"),
        pytest.param(b"\x82\xff" + (1 << 63).to_bytes(8, "big") + bytes(4), id="topmost bit"),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_a_broken_frame_is_1002(lane, data, size):  # RFC 6455 §5.1-§5.5
    events = receive(new_wire(fast_lane=lane), *in_pieces(HELLO + data + HELLO, size))

    assert events[0] == "hello"
    assert violation(events).code == 1002
    assert len(events) == 2


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param(b"\xc1", id="reserved bit"),
        pytest.param(b"\x83", id="reserved opcode"),
        pytest.param(b"\x81\x05", id="unmasked"),
        pytest.param(b"\x82\xfe\x00\x05", id="two bytes for a short length"),
        pytest.param(b"\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff", id="eight bytes for one"),
        pytest.param(b"\x09\x80", id="fragmented ping"),
        pytest.param(b"\x80", id="nothing to continue"),
    ],
)
def test_a_header_fails_without_waiting_for_the_rest(lane, beginning):
    wire = new_wire(fast_lane=lane)
    # wsproto looks at a first byte together with the second.
    rest = b"" if len(beginning) > 1 or beginning == b"\x80" else b"\x80\x01\x02\x03\x04"

    assert violation(receive(wire, beginning, rest)).code == 1002


# UTF-8.


@pytest.mark.parametrize(
    "payload",
    [
        b"\xff",
        b"caf\xc3",
        b"\xed\xa0\x80edited",
        b"\xf4\x90\x80\x80",
        b"\xc0\xaf",
        b"x" * 300 + b"\xe9",
    ],
)
@pytest.mark.parametrize("size", [1, 50, 1000])
def test_text_that_is_not_utf8_is_1007(lane, payload, size):  # RFC 6455 §8.1
    close = violation(receive(new_wire(fast_lane=lane), *in_pieces(frame(TEXT, payload), size)))

    assert close == Close(1007, "text that is not UTF-8 (RFC 6455 §8.1)")


def test_text_fails_at_the_byte_that_is_wrong(lane):  # Autobahn 6.4.1-6.4.4
    data = frame(TEXT, b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80edited")
    wire = new_wire(fast_lane=lane)

    assert receive(wire, data[: 6 + 12]) == []
    assert violation(receive(wire, data[6 + 12 : 6 + 13])).code == 1007


def test_text_of_fragments_fails_at_the_fragment_that_is_wrong(lane):
    wire = new_wire(fast_lane=lane)

    assert receive(wire, frame(TEXT, b"fine", is_final=False)) == []
    assert violation(receive(wire, frame(CONTINUATION, b"\xf4\x90", is_final=False))).code == 1007


# The end.


@pytest.mark.parametrize("last", [close_frame(1000), frame(TEXT, b"\xff"), frame(TEXT, b"x", mask=None)])
def test_nothing_is_kept_or_reported_after_the_end(lane, last):
    wire = new_wire(fast_lane=lane)
    events = receive(wire, frame(TEXT, b"begun", is_final=False) + frame(PING, b"!") + last[:1])
    events += receive(wire, last[1:] + HELLO)

    assert isinstance(events[-1], PeerClosed | Violation)
    assert len(events) == 2

    wire.feed(HELLO)
    wire.start_streaming()
    wire.stop_streaming()

    assert wire.events(64) == []
    assert not wire.is_pending
    assert not wire._input


def test_every_reason_fits_into_a_close_frame(lane):
    wire = new_wire(message_bytes=1, message_fragments=10**60, fast_lane=lane)
    wire.feed(frame(TEXT, b"xx"))
    (event,) = wire.events(1)

    assert len(event.close.reason.encode()) <= 123


# Sending.


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("", b"\x81\x00"),
        ("Hello", b"\x81\x05Hello"),
        (b"Hello", b"\x82\x05Hello"),
        ("é" * 63, b"\x81\x7e\x00\x7e" + "é".encode() * 63),
        (b"x" * 125, b"\x82\x7d" + b"x" * 125),
        (b"x" * 126, b"\x82\x7e\x00\x7e" + b"x" * 126),
        (b"x" * 70_000, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x11\x70" + b"x" * 70_000),
    ],
)
def test_a_message_becomes_one_frame(message, expected):
    assert whole(new_wire().encode(message)) == expected


def test_a_long_payload_is_not_copied():
    payload = b"x" * 100_000

    assert new_wire().encode(payload)[1] is payload


def test_text_with_surrogates_cannot_be_sent():
    with pytest.raises(UnicodeEncodeError):
        new_wire().encode("\ud800")


@pytest.mark.parametrize(("is_text", "data", "first"), [(True, "é", b"\x01"), (False, b"\xc3\xa9", b"\x02")])
def test_a_message_can_be_sent_in_pieces(is_text, data, first):
    wire = new_wire()

    def piece(**place):
        return whole(wire.encode_fragment(data, is_text=is_text, **place))

    assert piece(is_first=True, is_last=False) == first + b"\x02\xc3\xa9"
    assert piece(is_first=False, is_last=False) == b"\x00\x02\xc3\xa9"
    assert piece(is_first=False, is_last=True) == b"\x80\x02\xc3\xa9"
    assert piece(is_first=True, is_last=True) == bytes([first[0] | 0x80]) + b"\x02\xc3\xa9"


def test_control_frames_are_built_in_any_state():
    wire = new_wire()
    receive(wire, close_frame(1000))

    assert wire.encode_ping(b"a") == b"\x89\x01a"
    assert wire.encode_pong(b"") == b"\x8a\x00"
    assert wire.encode_close(Close(1001, "away")) == b"\x88\x06\x03\xe9away"
    assert wire.encode_close(Close(1005)) == b"\x88\x00"
    assert wire.encode("still") == b"\x81\x05still"


def test_only_a_compressor_that_remembers_needs_an_order():
    assert not new_wire().must_encode_in_order
    assert new_wire(deflate=DeflateAgreement()).must_encode_in_order
    assert not new_wire(deflate=DeflateAgreement(server_no_context_takeover=True)).must_encode_in_order
