"""One connection: requests in order, and bytes that belong to no request reach no handler."""

from __future__ import annotations

import pytest
from support.http1 import CHUNKED, GET, HANDSHAKE, OLD, POST, make_wire, read_body, read_head, respond

from trioweb._wire.http1.events import INPUT_TRANSITIONS, Stage, Step
from trioweb._wire.http1.response_encoder import ResponseEncoder
from trioweb._wire.http1.wire import Body, Ended, EndOfBody, NeedData, Paused, RequestHead
from trioweb.errors import LocalProtocolError, RemoteProtocolError

# Receiving.


def test_a_request_comes_as_its_head_its_body_and_its_end() -> None:
    wire = make_wire(POST)
    head = read_head(wire)
    assert (head.method, head.target, head.http_version, head.content_bytes) == ("POST", "/b?c", "1.1", 5)
    assert wire.next_event() == Body(b"hello")
    assert wire.next_event() == EndOfBody()
    assert wire.next_event() == Paused()


@pytest.mark.parametrize("data", [GET, HANDSHAKE])
def test_a_request_without_a_body_needs_no_limit_however_its_head_arrives(data: bytes) -> None:
    wire = make_wire(data[:1])
    assert wire.next_event() == NeedData()
    wire.feed(data[1:])
    assert isinstance(wire.next_event(), RequestHead)
    assert wire.next_event() == EndOfBody()


def test_a_wire_without_input_asks_for_data_and_repeats_the_end() -> None:
    wire = make_wire()
    assert wire.next_event() == NeedData()
    wire.feed(b"")
    wire.feed(b"")
    assert wire.next_event() == Ended()
    assert wire.next_event() == Ended()


def test_bytes_after_the_end_are_a_bug_of_the_caller() -> None:
    wire = make_wire()
    wire.feed(b"")
    with pytest.raises(LocalProtocolError):
        wire.feed(b"x")


def test_a_few_empty_lines_before_a_request_are_skipped() -> None:
    assert read_head(make_wire(b"\r\n" * 4 + GET)).raw_path == "/a"
    with pytest.raises(RemoteProtocolError, match="empty lines") as caught:
        make_wire(b"\r\n" * 5).next_event()
    assert caught.value.status == 400


def test_an_empty_line_may_come_in_two_halves() -> None:
    wire = make_wire(b"\r")
    assert wire.next_event() == NeedData()
    wire.feed(b"\n" + GET)
    assert read_head(wire).raw_path == "/a"


@pytest.mark.parametrize("start", [b"G", GET[:-1], b"\r"])
def test_an_end_within_a_head_is_a_mistake(start: bytes) -> None:
    wire = make_wire(start)
    assert wire.next_event() == NeedData()
    wire.feed(b"")
    with pytest.raises(RemoteProtocolError, match="within the head") as caught:
        wire.next_event()
    assert caught.value.status == 400


def test_a_partial_head_is_known_from_an_idle_connection() -> None:
    wire = make_wire()
    assert not wire.has_partial_head
    wire.feed(b"G")
    assert wire.has_partial_head
    wire.feed(GET[1:])
    read_head(wire)
    assert not wire.has_partial_head
    read_body(wire)
    respond(wire)
    wire.feed(b"\r\n")
    assert not wire.has_partial_head
    wire.start_next_request()
    assert not wire.has_partial_head
    wire.feed(GET)
    assert wire.has_partial_head
    assert read_head(wire).raw_path == "/a"


def test_after_a_mistake_every_call_says_so_and_nothing_is_kept() -> None:
    wire = make_wire(b"GET /\r\n")
    for _ in range(3):
        with pytest.raises(RemoteProtocolError, match="first line"):
            wire.next_event()
        wire.feed(b"x" * 100_000)
    assert not wire.has_partial_head
    assert not wire.can_keep_alive
    assert len(wire._input) == 0


def test_input_that_only_h11_refuses_is_a_mistake_of_the_peer() -> None:
    # No input is known that passes the guards but not h11, so the bytes bypass the guards here.
    wire = make_wire(GET[:-1])
    assert wire.next_event() == NeedData()
    wire.h11.connection().receive_data(b"junk\r\n\r\n")
    wire.feed(GET[-1:])
    with pytest.raises(RemoteProtocolError) as caught:
        wire.next_event()
    assert caught.value.status == 400
    assert caught.value.__suppress_context__


def test_input_that_h11_refuses_before_the_response_is_not_answered() -> None:
    wire = make_wire(GET)
    read_head(wire)
    wire.h11.unseen_head = b"junk\r\n\r\n"
    with pytest.raises(LocalProtocolError, match="cannot be sent"):
        respond(wire)
    with pytest.raises(LocalProtocolError):
        wire.start_next_request()


# Keeping the connection, and pipelining (RFC 9112 §9.3).


def test_requests_that_came_together_are_answered_in_order() -> None:
    wire = make_wire(GET + POST + CHUNKED + GET)
    seen = []
    while not isinstance(event := wire.next_event(), NeedData):
        assert isinstance(event, RequestHead)
        wire.limit_body(64)
        seen.append((event.raw_path, read_body(wire)))
        assert wire.next_event() == Paused()
        respond(wire)
        assert wire.can_keep_alive
        wire.start_next_request()
    assert seen == [("/a", b""), ("/b", b"hello"), ("/d", b"abcde"), ("/a", b"")]


def test_the_end_comes_after_the_requests_before_it() -> None:
    wire = make_wire(GET)
    wire.feed(b"")
    read_head(wire)
    read_body(wire)
    assert wire.next_event() == Paused()
    respond(wire)
    wire.start_next_request()
    assert wire.next_event() == Ended()


def test_a_response_may_end_before_the_body_does() -> None:
    wire = make_wire(POST[:-2])
    read_head(wire)
    respond(wire)
    with pytest.raises(LocalProtocolError):
        wire.start_next_request()
    wire.feed(b"lo" + GET)
    assert read_body(wire) == b"hello"
    wire.start_next_request()
    assert read_head(wire).raw_path == "/a"


def test_the_next_request_waits_for_the_response() -> None:
    wire = make_wire(GET + GET)
    responses = ResponseEncoder(wire)
    with pytest.raises(LocalProtocolError):
        wire.start_next_request()
    read_head(wire)
    read_body(wire)
    with pytest.raises(LocalProtocolError):
        wire.start_next_request()
    responses.encode_head(200, [], content_bytes=2, is_close=False)
    with pytest.raises(LocalProtocolError):
        wire.start_next_request()
    responses.encode_body(b"ok")
    responses.encode_end()
    wire.start_next_request()


@pytest.mark.parametrize(
    ("request_bytes", "is_close"),
    [
        (OLD, False),
        (OLD.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n"), False),
        (GET.replace(b"Host", b"Connection: Close\r\nHost"), False),
        (GET.replace(b"Host", b"Connection: x, close\r\nHost"), False),
        (GET, True),
    ],
)
def test_the_last_response_says_so_once(request_bytes: bytes, is_close: bool) -> None:
    wire = make_wire(request_bytes)
    read_head(wire)
    read_body(wire)
    sent = respond(wire, is_close=is_close)
    assert sent.lower().count(b"connection: close") == 1
    assert not wire.can_keep_alive
    with pytest.raises(LocalProtocolError):
        wire.start_next_request()


def test_an_application_may_close_the_connection_by_its_header() -> None:
    wire = make_wire(GET)
    responses = ResponseEncoder(wire)
    read_head(wire)
    read_body(wire)
    sent = (
        responses.encode_head(200, [("connection", "close")], content_bytes=0, is_close=False)
        + responses.encode_end()
    )
    assert b"connection: close" in sent
    assert not wire.can_keep_alive


# Becoming a WebSocket.


def test_w08_bytes_after_the_handshake_are_kept() -> None:
    wire = make_wire(HANDSHAKE + b"\x81\x80")
    assert read_head(wire).wants_websocket
    wire.feed(b"mask")
    assert wire.switch_to_websocket() == b"\x81\x80mask"


@pytest.mark.parametrize("body_is_read", [True, False])
def test_the_body_need_not_be_read_when_there_is_none(body_is_read: bool) -> None:
    wire = make_wire(HANDSHAKE)
    read_head(wire)
    if body_is_read:
        assert read_body(wire) == b""
    assert wire.switch_to_websocket() == b""


def test_after_the_switch_http_is_over() -> None:
    wire = make_wire(HANDSHAKE)
    responses = ResponseEncoder(wire)
    read_head(wire)
    wire.switch_to_websocket()
    assert wire.next_event() == Paused()
    assert not wire.can_keep_alive
    assert not wire.has_partial_head
    assert ResponseEncoder(wire).encode_continue() == b""
    for call in (
        lambda: wire.feed(b"x"),
        lambda: respond(wire),
        responses.encode_end,
        wire.start_next_request,
        wire.switch_to_websocket,
    ):
        with pytest.raises(LocalProtocolError):
            call()


def test_only_a_whole_request_without_a_response_can_switch() -> None:
    with pytest.raises(LocalProtocolError):
        make_wire(HANDSHAKE).switch_to_websocket()
    wire = make_wire(HANDSHAKE.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n"))
    read_head(wire)
    with pytest.raises(LocalProtocolError):
        wire.switch_to_websocket()
    wire = make_wire(HANDSHAKE)
    read_head(wire)
    respond(wire, b"", 403)
    with pytest.raises(LocalProtocolError):
        wire.switch_to_websocket()


def test_a_refused_handshake_leaves_the_connection_to_http() -> None:
    wire = make_wire(HANDSHAKE + GET)
    read_head(wire)
    assert read_body(wire) == b""
    respond(wire, b"no", 403)
    assert wire.can_keep_alive
    wire.start_next_request()
    assert read_head(wire).raw_path == "/a"


# The table.


def test_the_stages_form_one_cycle_with_two_ways_out() -> None:
    assert {stage for _, stage in INPUT_TRANSITIONS.items()} <= set(Stage)
    ways_out = {stage: {step for start, step in INPUT_TRANSITIONS if start is stage} for stage in Stage}
    assert ways_out == {
        Stage.HEAD: {Step.HEAD_READ, Step.FAILURE},
        Stage.BODY: {Step.BODY_READ, Step.FAILURE},
        Stage.COMPLETE: {Step.NEXT_REQUEST, Step.SWITCH},
        Stage.SWITCHED: set(),
        Stage.FAILED: set(),
    }


def test_a_long_head_costs_no_more_when_it_comes_byte_by_byte() -> None:
    wire = make_wire(head_bytes=16_384, head_fields=2000)
    for byte in b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 2000:
        wire.feed(bytes([byte]))
        assert wire.next_event() == NeedData()
