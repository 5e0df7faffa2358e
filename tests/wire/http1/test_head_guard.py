"""Which heads are accepted, and the responses to the others."""

from __future__ import annotations

import pytest
from support.heads import HEAD_BYTES, read, refusal, request
from support.http1 import make_wire

from trioweb._wire.http1.wire import EndOfBody, Http1Wire, NeedData, RequestHead
from trioweb.errors import HeadersTooLarge

# The request line (RFC 9112 §3).


@pytest.mark.parametrize(
    "start",
    [
        b"GET /",
        b"GET  / HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b"GET /\tHTTP/1.1",
        b"GET / b HTTP/1.1",
        b"GET HTTP/1.1",
        b"GET / http/1.1",
        b"GET / HTTP/1",
        b"GET / HTTP/1.10",
        b"GET / HTTP/11",
        b"GET / HTTP/1.1;",
        b"GET /\xc3\xa9 HTTP/1.1",
        b"GET /\xff HTTP/1.1",
        b"GET / HTTP/\xb9.1",
    ],
)
def test_a_malformed_request_line_is_answered_400(start: bytes) -> None:
    assert refusal(request(start=start)).status == 400


@pytest.mark.parametrize(
    "start", [b" GET / HTTP/1.1", b"G\xc9T / HTTP/1.1", b"G@T / HTTP/1.1", b"\xff", b": x", b"\0"]
)
def test_bytes_that_cannot_be_a_method_are_refused_without_waiting_for_more(start: bytes) -> None:
    assert refusal(start[:4]).status == 400


def test_a_tls_client_hello_is_refused_at_its_first_byte_with_the_reason() -> None:
    error = refusal(b"\x16")
    assert error.status == 400
    assert "TLS" in str(error)


def test_a_method_of_33_characters_is_501_as_soon_as_they_have_arrived() -> None:
    assert read(request(start=b"M" * 32 + b" / HTTP/1.1")).method == "M" * 32
    assert refusal(b"M" * 33).status == 501


@pytest.mark.parametrize("method", [b"get", b"X-~*!", b"REPORT"])
def test_any_token_is_a_method_and_its_case_is_kept(method: bytes) -> None:
    assert read(request(start=method + b" / HTTP/1.1")).method == method.decode()


@pytest.mark.parametrize("version", [b"0.9", b"1.2", b"2.0", b"3.0", b"9.9"])
def test_an_unknown_version_is_answered_505(version: bytes) -> None:
    assert refusal(request(start=b"GET / HTTP/" + version)).status == 505


def test_the_preface_of_http2_is_answered_400() -> None:
    error = refusal(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert error.status == 400
    assert "HTTP/2" in str(error)


def test_the_first_line_is_judged_before_the_head_is_complete() -> None:
    assert refusal(b"GET / HTTP/7.0\r\nHost:").status == 505


# Lines (RFC 9112 §2.2, §5).


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\n",
        b"GET / HTTP/1.1\r\nHost: a\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c",
        b"GET / HTTP/1.1\r\nHost: a\r\r\n",
        b"GET / HTTP/1.1\rHost: a",
    ],
)
def test_a_cr_or_lf_alone_is_refused_at_once(data: bytes) -> None:
    error = refusal(data)
    assert error.status == 400
    assert "CRLF" in str(error)


@pytest.mark.parametrize(
    "line",
    [
        b" folded: line",
        b"\tfolded: line",
        b"Name : value",
        b"Name\t: value",
        b"no colon",
        b": no name",
        b"Na me: value",
        b"N\xe4me: value",
        b"Na(me: value",
        b"X: \x00",
        b"X: a\x01b",
        b"X: a\x0bb",
        b"X: a\x7fb",
        b"X\x00: a",
    ],
)
def test_a_malformed_header_line_is_answered_400(line: bytes) -> None:
    assert refusal(request(line)).status == 400
    assert refusal(request(line, host=b"")).status == 400


def test_a_folded_line_is_named_as_what_it_is() -> None:
    assert "folded" in str(refusal(request(b"X: a", b" b")))


def test_a_control_character_in_an_incomplete_line_is_refused_at_once() -> None:
    error = refusal(b"GET / HTTP/1.1\r\nHost: a\x00")
    assert error.status == 400
    assert "0x00" in str(error)


def test_high_bytes_in_a_value_are_latin_1() -> None:
    head = read(request(b"X: \xe9\xff\x80", b"Y:"))
    assert head.headers["x"] == "\xe9\xff\x80"
    assert head.headers["y"] == ""


def test_whitespace_around_a_value_is_not_part_of_it() -> None:
    head = read(request(b"X: \t a \t b \t", b"Y:c"))
    assert (head.headers["x"], head.headers["y"]) == ("a \t b", "c")


def test_repeated_fields_keep_their_lines_order_and_case() -> None:
    head = read(request(b"X-a: 1", b"x-A: 2"))
    assert head.headers.lines() == [("Host", "example.org"), ("X-a", "1"), ("x-A", "2")]


# Length.


def test_a_head_may_have_exactly_the_allowed_length() -> None:
    data = request(b"X: ")
    data = data.replace(b"X: ", b"X: " + b"a" * (HEAD_BYTES - len(data)))
    assert len(data) == HEAD_BYTES
    assert read(data).method == "GET"
    error = refusal(data.replace(b"X: ", b"X: a"))
    assert isinstance(error, HeadersTooLarge)
    assert error.status == 431
    assert "Limits.head_bytes" in str(error)


def test_a_head_without_an_end_is_refused_when_it_reaches_the_limit() -> None:
    data = request(b"X: " + b"a" * HEAD_BYTES)
    assert isinstance(make_wire(data[: HEAD_BYTES - 1], head_bytes=HEAD_BYTES).next_event(), NeedData)
    assert refusal(data[:HEAD_BYTES]).status == 431


def test_a_target_that_fills_the_head_is_answered_414() -> None:
    error = refusal(b"GET /" + b"a" * HEAD_BYTES)
    assert isinstance(error, HeadersTooLarge)
    assert error.status == 414


def test_the_method_is_judged_within_a_tiny_limit() -> None:
    assert refusal(b"GET / HTTP/1.1", head_bytes=2).status == 414


# Host (RFC 9112 §3.2).


def test_http_1_1_needs_a_host_and_http_1_0_does_not() -> None:
    assert refusal(request(host=b"")).status == 400
    assert read(request(start=b"GET / HTTP/1.0", host=b"")).http_version == "1.0"


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1", b"GET / HTTP/1.0"])
def test_a_second_host_is_refused_even_if_it_is_the_same(start: bytes) -> None:
    assert refusal(request(b"host: example.org", start=start)).status == 400


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b"a",
        b"example.org",
        b"example.org:80",
        b"a_b.c:",
        b"127.0.0.1:8000",
        b"[::1]",
        b"[::1]:65535",
        b"[::ffff:1.2.3.4]",
        b"a%20b",
    ],
)
def test_a_valid_host_is_accepted(host: bytes) -> None:
    assert read(request(host=b"Host: " + host)).headers["host"] == host.decode()


@pytest.mark.parametrize(
    "host",
    [
        b"a b",
        b"a, b",
        b"a/b",
        b"a?b",
        b"a#b",
        b"u@a",
        b"a:b",
        b"a:80:80",
        b"a:123456",
        b"a:65536",
        b"::1",
        b"[::::]",
        b"[1.2.3.4]",
        b"[....]",
        b"[::1",
        b"[g]",
        b"a%2",
        b"http://a",
        b"a\\b",
        b"\xff",
        b"b\xfccher.example",
    ],
)
def test_an_invalid_host_is_answered_400(host: bytes) -> None:
    assert refusal(request(host=b"Host: " + host)).status == 400


# Other facts that the wire needs.


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([b"Upgrade: websocket", b"Connection: Upgrade"], True),
        ([b"UPGRADE: WebSocket", b"CONNECTION: keep-alive, UPGRADE"], True),
        ([b"Upgrade: h2c, websocket", b"Connection: keep-alive", b"Connection: upgrade"], True),
        ([b"Upgrade: h2c", b"Upgrade: websocket", b"Connection:upgrade,,"], True),
        ([b"Upgrade: websocket"], False),
        ([b"Connection: upgrade"], False),
        ([b"Upgrade: websockets", b"Connection: upgrade"], False),
        ([b"Upgrade: websocket", b"Connection: upgraded"], False),
        ([b"Upgrade: h2c", b"Connection: upgrade"], False),
    ],
)
def test_a_websocket_is_wanted_when_both_headers_say_so(lines: list[bytes], expected: bool) -> None:
    assert read(request(*lines)).wants_websocket is expected


def test_w06_high_bytes_in_connection_and_upgrade_are_harmless() -> None:
    assert read(request(b"Upgrade: \xff, websocket", b"Connection: \xfe, upgrade")).wants_websocket
    assert not read(request(b"Upgrade: websocket\xff", b"Connection: upgrade")).wants_websocket


def test_w07_http_1_0_cannot_ask_for_a_websocket() -> None:
    data = request(b"Upgrade: websocket", b"Connection: upgrade", start=b"GET / HTTP/1.0")
    assert not read(data).wants_websocket


@pytest.mark.parametrize(
    ("start", "lines", "expected"),
    [
        (b"POST / HTTP/1.1", [b"Expect: 100-Continue", b"Content-Length: 5"], True),
        (b"POST / HTTP/1.1", [b"Expect: 100-continue", b"Transfer-Encoding: chunked"], True),
        (b"POST / HTTP/1.1", [b"Expect: 100-continue"], False),
        (b"POST / HTTP/1.1", [b"Expect: 100-continue", b"Content-Length: 0"], False),
        (b"POST / HTTP/1.1", [b"Expect: tea", b"Content-Length: 5"], False),
        (b"POST / HTTP/1.0", [b"Expect: 100-continue", b"Content-Length: 5"], False),
    ],
)
def test_100_continue_is_expected_only_for_a_body(start: bytes, lines: list[bytes], expected: bool) -> None:
    assert read(request(*lines, start=start)).expects_continue is expected


def test_a_request_without_framing_fields_has_no_body() -> None:
    wire = make_wire(request(start=b"POST / HTTP/1.1"))
    head = wire.next_event()
    assert isinstance(head, RequestHead)
    assert (head.content_bytes, head.is_chunked) == (0, False)
    assert isinstance(wire.next_event(), EndOfBody)


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("count", [1, 99, 100])
def test_a_head_may_have_exactly_the_allowed_number_of_fields(pieces: int, count: int) -> None:
    data = request(*[b"x:"] * (count - 1))
    wire = Http1Wire(head_bytes=2000, head_fields=count)
    for start in range(0, len(data), len(data) // pieces + 1):
        wire.feed(data[start : start + len(data) // pieces + 1])
        event = wire.next_event()
    assert isinstance(event, RequestHead)
    assert len(event.headers.lines()) == count
    wire = Http1Wire(head_bytes=2000, head_fields=count)
    wire.feed(data[:-2] + b"x:\r\n")
    if pieces == 1:
        wire.feed(b"\r\n")
    with pytest.raises(HeadersTooLarge, match=r"Limits\.head_fields") as caught:
        wire.next_event()
    assert caught.value.status == 431
