"""Responses: framed as status, method and version demand, or not sent."""

from __future__ import annotations

import pytest
from support.http1 import CHUNKED, EXPECTING, GET, HEAD, OLD, POST, make_wire, read_body, read_head, respond

from trioweb._wire.http1.response_encoder import ResponseEncoder
from trioweb._wire.http1.wire import Body, NeedData, Paused
from trioweb.errors import LocalProtocolError, RemoteProtocolError

# Framing (RFC 9112 §6, RFC 9110 §6).


def test_a_response_of_a_known_length_declares_it() -> None:
    wire = make_wire(GET)
    read_head(wire)
    assert respond(wire) == b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 2\r\n\r\nok"


def test_a_response_of_an_unknown_length_is_chunked() -> None:
    wire = make_wire(GET)
    responses = ResponseEncoder(wire)
    read_head(wire)
    head = responses.encode_head(200, [], content_bytes=None, is_close=False)
    assert head == b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert responses.encode_body(b"") == b""
    assert responses.encode_body(b"hello") == b"5\r\nhello\r\n"
    assert responses.encode_end() == b"0\r\n\r\n"


def test_a_response_of_an_unknown_length_to_http_1_0_ends_with_the_connection() -> None:
    wire = make_wire(OLD)
    responses = ResponseEncoder(wire)
    read_head(wire)
    head = responses.encode_head(200, [], content_bytes=None, is_close=False)
    assert head == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    assert (responses.encode_body(b"hello"), responses.encode_end()) == (b"hello", b"")
    assert not wire.can_keep_alive


@pytest.mark.parametrize("content_bytes", [5, None])
def test_a_response_to_head_has_the_fields_and_no_body(content_bytes: int | None) -> None:
    wire = make_wire(HEAD + GET)
    responses = ResponseEncoder(wire)
    read_head(wire)
    read_body(wire)
    head = responses.encode_head(200, [], content_bytes=content_bytes, is_close=False)
    framing = b"Transfer-Encoding: chunked" if content_bytes is None else b"Content-Length: 5"
    assert head == b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n"
    assert responses.encode_body(b"hello") + responses.encode_end() == b""
    wire.start_next_request()
    assert read_head(wire).method == "GET"
    assert respond(wire).endswith(b"\r\n\r\nok")


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("content_bytes", [0, 5, None])
def test_204_and_304_have_neither_body_nor_length(status: int, content_bytes: int | None) -> None:
    wire = make_wire(GET)
    responses = ResponseEncoder(wire)
    read_head(wire)
    read_body(wire)
    head = responses.encode_head(status, [("ETag", '"a"')], content_bytes=content_bytes, is_close=False)
    assert head.split(b"\r\n", 1)[1] == b'ETag: "a"\r\n\r\n'
    assert responses.encode_body(b"hello") + responses.encode_end() == b""
    assert wire.can_keep_alive


@pytest.mark.parametrize("content_bytes", [0, 5, None])
def test_205_says_that_it_has_no_body(content_bytes: int | None) -> None:
    wire = make_wire(GET)
    responses = ResponseEncoder(wire)
    read_head(wire)
    read_body(wire)
    head = responses.encode_head(205, [], content_bytes=content_bytes, is_close=False)
    assert head == b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"
    assert responses.encode_body(b"hello") + responses.encode_end() == b""
    assert wire.can_keep_alive


def test_framing_fields_of_the_application_are_left_out() -> None:
    wire = make_wire(GET)
    responses = ResponseEncoder(wire)
    read_head(wire)
    fields = [("content-length", "7"), ("Transfer-Encoding", "gzip"), ("Keep-Alive", "timeout=5"), ("A", "b")]
    head = responses.encode_head(200, fields, content_bytes=2, is_close=False)
    assert head == b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\n"


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ([("upgrade", "websocket")], b"upgrade: websocket\r\nConnection: Upgrade\r\n"),
        (
            [("Connection", "x, upgrade"), ("Upgrade", "a")],
            b"Connection: x, upgrade\r\nUpgrade: a\r\n",
        ),
    ],
)
def test_an_upgrade_is_an_option_of_the_connection(fields: list[tuple[str, str]], sent: bytes) -> None:
    wire = make_wire(GET)
    responses = ResponseEncoder(wire)
    read_head(wire)
    head = responses.encode_head(426, fields, content_bytes=0, is_close=False)
    assert head == b"HTTP/1.1 426 Upgrade Required\r\n" + sent + b"Content-Length: 0\r\n\r\n"
    assert wire.can_keep_alive


def test_values_are_sent_as_latin_1_without_whitespace_around_them() -> None:
    wire = make_wire(GET)
    responses = ResponseEncoder(wire)
    read_head(wire)
    fields = [("A", " \xe9\x85\xa0\t"), ("B", "")]
    head = responses.encode_head(299, fields, content_bytes=0, is_close=False)
    assert b"HTTP/1.1 299 " in head
    assert b"\r\nA: \xe9\x85\xa0\r\nB: \r\n" in head


@pytest.mark.parametrize("fields", [[("A", "b\r\nC: d")], [("A b", "c")], [("A", "\u20ac")], [("A", "\x00")]])
def test_a_field_that_would_break_the_head_is_not_sent(fields: list[tuple[str, str]]) -> None:
    wire = make_wire(GET)
    responses = ResponseEncoder(wire)
    read_head(wire)
    with pytest.raises(LocalProtocolError):
        responses.encode_head(200, fields, content_bytes=0, is_close=False)
    assert respond(wire, b"oops", 500).startswith(b"HTTP/1.1 500 ")


@pytest.mark.parametrize("status", [100, 101, 199, 600, 0, -1])
def test_an_interim_status_is_not_sent_as_a_response(status: int) -> None:
    wire = make_wire(GET)
    responses = ResponseEncoder(wire)
    read_head(wire)
    with pytest.raises(LocalProtocolError, match="200 to 599"):
        responses.encode_head(status, [], content_bytes=0, is_close=False)


def test_a_response_of_another_length_than_declared_is_a_bug_and_the_last() -> None:
    for pieces in ([b"abc"], [b"a"]):
        wire = make_wire(GET)
        responses = ResponseEncoder(wire)
        read_head(wire)
        read_body(wire)
        responses.encode_head(200, [], content_bytes=2, is_close=False)
        with pytest.raises(LocalProtocolError):
            b"".join([*map(responses.encode_body, pieces), responses.encode_end()])
        assert not wire.can_keep_alive


def test_a_negative_length_is_a_bug_of_this_side() -> None:
    wire = make_wire(GET)
    responses = ResponseEncoder(wire)
    read_head(wire)
    with pytest.raises(LocalProtocolError):
        responses.encode_head(200, [], content_bytes=-1, is_close=False)


def test_a_request_has_one_response() -> None:
    wire = make_wire(GET)
    responses = ResponseEncoder(wire)
    read_head(wire)
    with pytest.raises(LocalProtocolError):
        responses.encode_body(b"x")
    wire = make_wire(GET)
    responses = ResponseEncoder(wire)
    read_head(wire)
    responses.encode_head(200, [], content_bytes=2, is_close=False)
    with pytest.raises(LocalProtocolError):
        responses.encode_head(200, [], content_bytes=2, is_close=False)


@pytest.mark.parametrize(
    ("data", "reading"),
    [
        (b"\x16\x03\x01", 0),
        (b"GET / HTTP/9.9\r\n", 0),
        (CHUNKED.replace(b"3;x", b"z;x"), 1),
        (GET + b"junk\x00", 0),
    ],
)
def test_a_mistake_can_still_be_answered_and_that_response_is_the_last(data: bytes, reading: int) -> None:
    wire = make_wire(data)
    if data.startswith(GET):
        read_head(wire)
        read_body(wire)
        respond(wire)
        wire.start_next_request()
    for _ in range(reading):
        read_head(wire)
    with pytest.raises(RemoteProtocolError):
        wire.next_event()
    sent = respond(wire, b"no", 400)
    assert sent.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\nConnection: close\r\n" in sent
    assert sent.endswith(b"\r\n\r\nno")
    assert not wire.can_keep_alive


def test_a_head_that_takes_too_long_can_be_answered_and_is_not_read_on() -> None:
    wire = make_wire(GET[:20])
    assert wire.next_event() == NeedData()
    assert b"\r\nConnection: close\r\n" in respond(wire, b"", 408)
    wire.feed(GET[20:])
    assert wire.next_event() == Paused()
    assert not wire.can_keep_alive


# 100 Continue (RFC 9110 §10.1.1).


def test_100_continue_is_sent_while_the_peer_waits_for_it() -> None:
    wire = make_wire(EXPECTING)
    assert read_head(wire).expects_continue
    assert wire.next_event() == NeedData()
    assert ResponseEncoder(wire).encode_continue() == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert ResponseEncoder(wire).encode_continue() == b""
    wire.feed(b"hello")
    assert read_body(wire) == b"hello"
    assert respond(wire).startswith(b"HTTP/1.1 200 ")


def test_100_continue_is_not_sent_to_a_peer_that_does_not_wait() -> None:
    assert ResponseEncoder(make_wire()).encode_continue() == b""
    wire = make_wire(POST[:-5])
    read_head(wire)
    assert ResponseEncoder(wire).encode_continue() == b""
    wire = make_wire(EXPECTING + b"he")
    read_head(wire)
    assert ResponseEncoder(wire).encode_continue() == b""
    assert wire.next_event() == Body(b"he")
    assert ResponseEncoder(wire).encode_continue() == b""
    wire = make_wire(EXPECTING)
    read_head(wire)
    respond(wire)
    assert ResponseEncoder(wire).encode_continue() == b""


def test_100_continue_is_not_sent_after_a_mistake() -> None:
    wire = make_wire(EXPECTING.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked"))
    read_head(wire)
    wire.feed(b"z")
    with pytest.raises(RemoteProtocolError):
        wire.next_event()
    assert ResponseEncoder(wire).encode_continue() == b""
