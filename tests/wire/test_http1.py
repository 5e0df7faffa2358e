"""One connection: requests in order, answers framed, bytes that belong to nobody lost to nobody."""

from __future__ import annotations

import os
from collections.abc import Iterable

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trioweb._wire.http1 import Body, Ended, EndOfBody, Http1Wire, NeedData, Paused, RequestHead
from trioweb._wire.http1_events import TRANSITIONS, Stage, Step
from trioweb.errors import BodyTooLarge, LocalProtocolError, ProtocolError, RemoteProtocolError

FUZZ = settings(max_examples=int(os.environ.get("TRIOWEB_FUZZ_EXAMPLES", "300")))

GET = b"GET /a HTTP/1.1\r\nHost: example.org\r\n\r\n"
HEAD = GET.replace(b"GET", b"HEAD")
OLD = b"GET /old HTTP/1.0\r\n\r\n"
POST = b"POST /b?c HTTP/1.1\r\nHost: example.org\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"PUT /d HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\n"
EXPECTING = POST.replace(b"\r\n\r\nhello", b"\r\nExpect: 100-continue\r\n\r\n")
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def make_wire(data: bytes = b"", *, head_bytes: int = 400, body_bytes: int = 64) -> Http1Wire:
    wire = Http1Wire(head_bytes=head_bytes, body_bytes=body_bytes)
    if data:
        wire.feed(data)
    return wire


def read_head(wire: Http1Wire) -> RequestHead:
    head = wire.next_event()
    assert isinstance(head, RequestHead)
    return head


def read_body(wire: Http1Wire) -> bytes:
    body = b""
    while isinstance(event := wire.next_event(), Body):
        body += event.data
    assert isinstance(event, EndOfBody)
    return body


def answer(wire: Http1Wire, body: bytes = b"ok", status: int = 200, *, is_close: bool = False) -> bytes:
    head = wire.encode_head(status, [("X", "y")], content_bytes=len(body), is_close=is_close)
    return head + wire.encode_body(body) + wire.encode_end()


# Receiving.


def test_a_request_comes_as_its_head_its_body_and_its_end() -> None:
    wire = make_wire(POST)
    head = read_head(wire)
    assert (head.method, head.target, head.http_version, head.content_bytes) == ("POST", "/b?c", "1.1", 5)
    assert wire.next_event() == Body(b"hello")
    assert wire.next_event() == EndOfBody()
    assert wire.next_event() == Paused()


def test_nothing_fed_asks_for_data_and_the_end_is_told_again_and_again() -> None:
    wire = make_wire()
    assert wire.next_event() == NeedData()
    wire.feed(b"")
    wire.feed(b"")
    assert wire.next_event() == Ended()
    assert wire.next_event() == Ended()


def test_bytes_behind_the_end_are_a_bug_of_the_caller() -> None:
    wire = make_wire()
    wire.feed(b"")
    with pytest.raises(LocalProtocolError):
        wire.feed(b"x")


def test_a_few_empty_lines_before_a_request_are_skipped() -> None:
    assert read_head(make_wire(b"\r\n" * 4 + GET)).raw_path == "/a"
    with pytest.raises(RemoteProtocolError, match="empty lines") as caught:
        make_wire(b"\r\n" * 5).next_event()
    assert caught.value.answer == 400


def test_an_empty_line_may_come_in_halves() -> None:
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
    assert caught.value.answer == 400


def test_a_partial_head_is_known_from_an_idle_connection() -> None:
    wire = make_wire()
    assert not wire.has_partial_head
    wire.feed(b"G")
    assert wire.has_partial_head
    wire.feed(GET[1:])
    read_head(wire)
    assert not wire.has_partial_head
    read_body(wire)
    answer(wire)
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


def test_what_only_h11_refuses_would_be_a_mistake_of_the_peer_too() -> None:
    # Nothing is known that passes the guards and not h11, so the bytes go past them here.
    wire = make_wire(GET)
    wire._h11.receive_data(b"junk\r\n\r\n")
    with pytest.raises(RemoteProtocolError) as caught:
        wire.next_event()
    assert caught.value.answer == 400
    assert caught.value.__suppress_context__


# Keeping the connection, and pipelining (RFC 9112 §9.3).


def test_requests_that_came_together_are_answered_in_order() -> None:
    wire = make_wire(GET + POST + CHUNKED + GET)
    seen = []
    while not isinstance(event := wire.next_event(), NeedData):
        assert isinstance(event, RequestHead)
        seen.append((event.raw_path, read_body(wire)))
        assert wire.next_event() == Paused()
        answer(wire)
        assert wire.can_keep_alive
        wire.start_next_request()
    assert seen == [("/a", b""), ("/b", b"hello"), ("/d", b"abcde"), ("/a", b"")]


def test_the_end_comes_after_the_requests_before_it() -> None:
    wire = make_wire(GET)
    wire.feed(b"")
    read_head(wire)
    read_body(wire)
    assert wire.next_event() == Paused()
    answer(wire)
    wire.start_next_request()
    assert wire.next_event() == Ended()


def test_an_answer_may_end_before_the_body_does() -> None:
    wire = make_wire(POST[:-2])
    read_head(wire)
    answer(wire)
    with pytest.raises(LocalProtocolError):
        wire.start_next_request()
    wire.feed(b"lo" + GET)
    assert read_body(wire) == b"hello"
    wire.start_next_request()
    assert read_head(wire).raw_path == "/a"


def test_the_next_request_waits_for_the_answer() -> None:
    wire = make_wire(GET + GET)
    with pytest.raises(LocalProtocolError):
        wire.start_next_request()
    read_head(wire)
    read_body(wire)
    with pytest.raises(LocalProtocolError):
        wire.start_next_request()
    wire.encode_head(200, [], content_bytes=2, is_close=False)
    with pytest.raises(LocalProtocolError):
        wire.start_next_request()
    wire.encode_body(b"ok")
    wire.encode_end()
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
def test_the_last_answer_says_so_once(request_bytes: bytes, is_close: bool) -> None:
    wire = make_wire(request_bytes)
    read_head(wire)
    read_body(wire)
    sent = answer(wire, is_close=is_close)
    assert sent.lower().count(b"connection: close") == 1
    assert not wire.can_keep_alive
    with pytest.raises(LocalProtocolError):
        wire.start_next_request()


def test_an_application_may_close_the_connection_by_its_header() -> None:
    wire = make_wire(GET)
    read_head(wire)
    read_body(wire)
    sent = (
        wire.encode_head(200, [("connection", "close")], content_bytes=0, is_close=False) + wire.encode_end()
    )
    assert b"connection: close" in sent
    assert not wire.can_keep_alive


# Answering (RFC 9112 §6, RFC 9110 §6).


def test_an_answer_of_a_known_length_says_it() -> None:
    wire = make_wire(GET)
    read_head(wire)
    assert answer(wire) == b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 2\r\n\r\nok"


def test_an_answer_of_an_unknown_length_is_chunked() -> None:
    wire = make_wire(GET)
    read_head(wire)
    head = wire.encode_head(200, [], content_bytes=None, is_close=False)
    assert head == b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert wire.encode_body(b"") == b""
    assert wire.encode_body(b"hello") == b"5\r\nhello\r\n"
    assert wire.encode_end() == b"0\r\n\r\n"


def test_to_http_1_0_an_unknown_length_ends_with_the_connection() -> None:
    wire = make_wire(OLD)
    read_head(wire)
    head = wire.encode_head(200, [], content_bytes=None, is_close=False)
    assert head == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    assert (wire.encode_body(b"hello"), wire.encode_end()) == (b"hello", b"")
    assert not wire.can_keep_alive


@pytest.mark.parametrize("content_bytes", [5, None])
def test_an_answer_to_head_has_the_fields_and_no_body(content_bytes: int | None) -> None:
    wire = make_wire(HEAD + GET)
    read_head(wire)
    read_body(wire)
    head = wire.encode_head(200, [], content_bytes=content_bytes, is_close=False)
    framing = b"Transfer-Encoding: chunked" if content_bytes is None else b"Content-Length: 5"
    assert head == b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n"
    assert wire.encode_body(b"hello") + wire.encode_end() == b""
    wire.start_next_request()
    assert read_head(wire).method == "GET"
    assert answer(wire).endswith(b"\r\n\r\nok")


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("content_bytes", [0, 5, None])
def test_204_and_304_have_neither_body_nor_length(status: int, content_bytes: int | None) -> None:
    wire = make_wire(GET)
    read_head(wire)
    read_body(wire)
    head = wire.encode_head(status, [("ETag", '"a"')], content_bytes=content_bytes, is_close=False)
    assert head.split(b"\r\n", 1)[1] == b'ETag: "a"\r\n\r\n'
    assert wire.encode_body(b"hello") + wire.encode_end() == b""
    assert wire.can_keep_alive


def test_framing_fields_of_the_application_are_left_out() -> None:
    wire = make_wire(GET)
    read_head(wire)
    fields = [("content-length", "7"), ("Transfer-Encoding", "gzip"), ("Keep-Alive", "timeout=5"), ("A", "b")]
    head = wire.encode_head(200, fields, content_bytes=2, is_close=False)
    assert head == b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\n"


def test_values_are_sent_as_latin_1_without_whitespace_around_them() -> None:
    wire = make_wire(GET)
    read_head(wire)
    fields = [("A", " \xe9\x85\xa0\t"), ("B", "")]
    head = wire.encode_head(299, fields, content_bytes=0, is_close=False)
    assert b"HTTP/1.1 299 " in head
    assert b"\r\nA: \xe9\x85\xa0\r\nB: \r\n" in head


@pytest.mark.parametrize("fields", [[("A", "b\r\nC: d")], [("A b", "c")], [("A", "\u20ac")], [("A", "\x00")]])
def test_a_field_that_would_break_the_head_is_not_sent(fields: list[tuple[str, str]]) -> None:
    wire = make_wire(GET)
    read_head(wire)
    with pytest.raises(LocalProtocolError):
        wire.encode_head(200, fields, content_bytes=0, is_close=False)
    assert answer(wire, b"oops", 500).startswith(b"HTTP/1.1 500 ")


@pytest.mark.parametrize("status", [100, 101, 199, 600, 0, -1])
def test_a_status_that_is_no_answer_is_not_sent(status: int) -> None:
    wire = make_wire(GET)
    read_head(wire)
    with pytest.raises(LocalProtocolError, match="200 to 599"):
        wire.encode_head(status, [], content_bytes=0, is_close=False)


def test_an_answer_of_another_length_than_it_said_is_a_bug_and_ends_the_connection() -> None:
    for pieces in ([b"abc"], [b"a"]):
        wire = make_wire(GET)
        read_head(wire)
        read_body(wire)
        wire.encode_head(200, [], content_bytes=2, is_close=False)
        with pytest.raises(LocalProtocolError):
            b"".join([*map(wire.encode_body, pieces), wire.encode_end()])
        assert not wire.can_keep_alive


def test_a_negative_length_is_a_bug_of_this_side() -> None:
    wire = make_wire(GET)
    read_head(wire)
    with pytest.raises(LocalProtocolError):
        wire.encode_head(200, [], content_bytes=-1, is_close=False)


def test_a_request_has_one_answer() -> None:
    wire = make_wire(GET)
    read_head(wire)
    with pytest.raises(LocalProtocolError):
        wire.encode_body(b"x")
    wire = make_wire(GET)
    read_head(wire)
    wire.encode_head(200, [], content_bytes=2, is_close=False)
    with pytest.raises(LocalProtocolError):
        wire.encode_head(200, [], content_bytes=2, is_close=False)


@pytest.mark.parametrize(
    ("data", "reading"),
    [
        (b"\x16\x03\x01", 0),
        (b"GET / HTTP/9.9\r\n", 0),
        (POST.replace(b": 5", b": 65"), 0),
        (CHUNKED.replace(b"3;x", b"z;x"), 1),
        (GET + b"junk\x00", 0),
    ],
)
def test_a_mistake_can_still_be_answered_and_that_is_the_last_answer(data: bytes, reading: int) -> None:
    wire = make_wire(data)
    if data.startswith(GET):
        read_head(wire)
        read_body(wire)
        answer(wire)
        wire.start_next_request()
    for _ in range(reading):
        read_head(wire)
    with pytest.raises(RemoteProtocolError):
        wire.next_event()
    sent = answer(wire, b"no", 400)
    assert sent.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\nConnection: close\r\n" in sent
    assert sent.endswith(b"\r\n\r\nno")
    assert not wire.can_keep_alive


def test_a_head_that_takes_too_long_can_be_answered_and_is_not_read_on() -> None:
    wire = make_wire(GET[:20])
    assert wire.next_event() == NeedData()
    assert b"\r\nConnection: close\r\n" in answer(wire, b"", 408)
    wire.feed(GET[20:])
    assert wire.next_event() == Paused()
    assert not wire.can_keep_alive


# 100 Continue (RFC 9110 §10.1.1).


def test_100_continue_is_sent_while_the_peer_waits_for_it() -> None:
    wire = make_wire(EXPECTING)
    assert read_head(wire).expects_continue
    assert wire.next_event() == NeedData()
    assert wire.encode_continue() == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert wire.encode_continue() == b""
    wire.feed(b"hello")
    assert read_body(wire) == b"hello"
    assert answer(wire).startswith(b"HTTP/1.1 200 ")


def test_100_continue_is_not_sent_to_a_peer_that_does_not_wait() -> None:
    assert make_wire().encode_continue() == b""
    wire = make_wire(POST[:-5])
    read_head(wire)
    assert wire.encode_continue() == b""
    wire = make_wire(EXPECTING + b"he")
    read_head(wire)
    assert wire.encode_continue() == b""
    assert wire.next_event() == Body(b"he")
    assert wire.encode_continue() == b""
    wire = make_wire(EXPECTING)
    read_head(wire)
    answer(wire)
    assert wire.encode_continue() == b""


def test_100_continue_is_not_sent_after_a_mistake() -> None:
    wire = make_wire(EXPECTING.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked"))
    read_head(wire)
    wire.feed(b"z")
    with pytest.raises(RemoteProtocolError):
        wire.next_event()
    assert wire.encode_continue() == b""


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
    read_head(wire)
    wire.switch_to_websocket()
    assert wire.next_event() == Paused()
    assert not wire.can_keep_alive
    assert not wire.has_partial_head
    assert wire.encode_continue() == b""
    for call in (
        lambda: wire.feed(b"x"),
        lambda: answer(wire),
        wire.encode_end,
        wire.start_next_request,
        wire.switch_to_websocket,
    ):
        with pytest.raises(LocalProtocolError):
            call()


def test_only_a_whole_request_without_an_answer_can_switch() -> None:
    with pytest.raises(LocalProtocolError):
        make_wire(HANDSHAKE).switch_to_websocket()
    wire = make_wire(HANDSHAKE.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n"))
    read_head(wire)
    with pytest.raises(LocalProtocolError):
        wire.switch_to_websocket()
    wire = make_wire(HANDSHAKE)
    read_head(wire)
    answer(wire, b"", 403)
    with pytest.raises(LocalProtocolError):
        wire.switch_to_websocket()


def test_a_refused_handshake_leaves_the_connection_to_http() -> None:
    wire = make_wire(HANDSHAKE + GET)
    read_head(wire)
    assert read_body(wire) == b""
    answer(wire, b"no", 403)
    assert wire.can_keep_alive
    wire.start_next_request()
    assert read_head(wire).raw_path == "/a"


# Any bytes at all.

Trace = tuple[list[object], tuple[type[Exception], int, str] | None]


def trace(pieces: Iterable[bytes]) -> Trace:
    """Return what a simple server sees: heads, bodies, and how it ended."""
    wire = make_wire()
    seen: list[object] = []
    waiting = iter([*(piece for piece in pieces if piece), b""])
    body = b""
    try:
        while not isinstance(event := wire.next_event(), Ended):
            if isinstance(event, NeedData):
                wire.feed(next(waiting))
                assert len(wire._input) <= 400 + 4096
            elif isinstance(event, Body):
                assert event.data
                body += event.data
            elif isinstance(event, Paused):
                answer(wire)
                if not wire.can_keep_alive:
                    break
                wire.start_next_request()
            elif isinstance(event, RequestHead):
                seen.append((event, event.headers.lines()))
            else:
                seen.append(body)
                body = b""
    except RemoteProtocolError as error:
        assert 400 <= error.answer <= 599
        return [*seen, body], (type(error), error.answer, str(error))
    return seen, None


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    at = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in zip(at, at[1:], strict=False)]


GOOD = [
    GET,
    HEAD,
    OLD,
    POST,
    CHUNKED,
    EXPECTING + b"hello",
    HANDSHAKE,
    b"\r\n" + GET,
    GET.replace(b"/a", b"http://h/x"),
]
TROUBLE = [
    b"\r",
    b"\n",
    b"\r\n",
    b"\x00",
    b"\xff",
    b" ",
    b":",
    b";",
    b",",
    b"0",
    b"5",
    b"\t",
    b"chunked",
    b"Host: a\r\n",
]
TROUBLE += [b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"f" * 500]

streams = st.lists(st.sampled_from(GOOD), min_size=1, max_size=4).map(b"".join)
places = st.lists(st.integers(0, 10_000), max_size=6)
damages = st.lists(
    st.tuples(
        st.integers(0, 10_000), st.integers(0, 4), st.one_of(st.sampled_from(TROUBLE), st.binary(max_size=4))
    ),
    max_size=4,
)


def damaged(data: bytes, changes: Iterable[tuple[int, int, bytes]]) -> bytes:
    for place, length, trouble in changes:
        start = place % (len(data) + 1)
        data = data[:start] + trouble + data[start + length :]
    return data


@FUZZ
@given(streams, places)
def test_good_requests_are_the_same_however_they_are_cut(data: bytes, at: list[int]) -> None:
    assert trace(cut(data, at)) == trace([data])


@FUZZ
@given(streams, damages, places)
def test_damaged_requests_are_the_same_however_they_are_cut(
    data: bytes, changes: list[tuple[int, int, bytes]], at: list[int]
) -> None:
    data = damaged(data, changes)
    assert trace(cut(data, at)) == trace([data]) == trace(data[i : i + 1] for i in range(len(data)))


@FUZZ
@given(st.binary(max_size=200), places)
def test_any_bytes_end_in_nothing_worse_than_a_mistake_of_the_peer(data: bytes, at: list[int]) -> None:
    assert trace(cut(data, at)) == trace([data])


@FUZZ
@given(streams, damages)
def test_h11_is_never_given_what_it_reads_differently(
    data: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    # Whatever is taken here in full, h11 by itself understands in the same way.
    data = damaged(data, changes)
    seen, error = trace([data])
    if error is not None:
        return
    peer = h11.Connection(h11.SERVER)
    peer.receive_data(data.lstrip(b"\r\n"))
    for thing in seen[:2]:
        if isinstance(thing, tuple):
            event = peer.next_event()
            assert isinstance(event, h11.Request)
            assert event.method.decode() == thing[0].method
            assert event.target.decode() == thing[0].target
        else:
            body = b""
            while isinstance(event := peer.next_event(), h11.Data):
                body += event.data
            assert body == thing


STEPS = st.sampled_from(
    [
        "feed",
        "end",
        "next_event",
        "encode_continue",
        "encode_head",
        "encode_body",
        "encode_end",
        "start_next_request",
        "switch_to_websocket",
    ]
)


@FUZZ
@given(streams, st.lists(STEPS, max_size=30), st.integers(1, 300))
def test_calls_in_any_order_raise_nothing_but_protocol_errors(
    data: bytes, steps: list[str], size: int
) -> None:
    wire = make_wire()
    calls = {
        "feed": lambda: wire.feed(data[:size]),
        "end": lambda: wire.feed(b""),
        "encode_head": lambda: wire.encode_head(200, [], content_bytes=None, is_close=False),
        "encode_body": lambda: wire.encode_body(b"x"),
    }
    for step in steps:
        try:
            (calls.get(step) or getattr(wire, step))()
        except ProtocolError:
            pass
        assert wire.can_keep_alive in {True, False}


# The table.


def test_the_stages_form_one_circle_with_two_ways_out() -> None:
    assert {stage for _, stage in TRANSITIONS.items()} <= set(Stage)
    ways_out = {stage: {step for start, step in TRANSITIONS if start is stage} for stage in Stage}
    assert ways_out == {
        Stage.HEAD: {Step.HEAD_READ, Step.FAILURE},
        Stage.BODY: {Step.BODY_READ, Step.FAILURE},
        Stage.COMPLETE: {Step.NEXT_REQUEST, Step.SWITCH},
        Stage.SWITCHED: set(),
        Stage.FAILED: set(),
    }


def test_a_long_head_costs_no_more_when_it_comes_byte_by_byte() -> None:
    wire = make_wire(head_bytes=16_384)
    for byte in b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 2000:
        wire.feed(bytes([byte]))
        assert wire.next_event() == NeedData()


def test_a_body_too_large_is_refused_before_the_request_is_seen() -> None:
    with pytest.raises(BodyTooLarge):
        make_wire(POST.replace(b": 5", b": 65")).next_event()
