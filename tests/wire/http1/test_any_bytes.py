"""Any bytes, cut anywhere: the same requests, the same mistakes, no other exception."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import h11
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import EXAMPLES
from support.http1 import CHUNKED, EXPECTING, GET, HANDSHAKE, HEAD, OLD, POST, make_wire, respond

from trioweb._wire.http1.response_encoder import ResponseEncoder
from trioweb._wire.http1.wire import Body, Ended, NeedData, Paused, RequestHead
from trioweb.errors import ProtocolError, RemoteProtocolError

FUZZ = settings(max_examples=EXAMPLES)

BODY_BYTES = 64

Trace = tuple[list[object], tuple[type[Exception], int, str] | None]


def trace(pieces: Iterable[bytes]) -> Trace:
    """Return a connection as a simple server sees it: heads, bodies, and the end."""
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
                respond(wire)
                if not wire.can_keep_alive:
                    break
                wire.start_next_request()
            elif isinstance(event, RequestHead):
                seen.append((event, event.headers.lines()))
                wire.limit_body(BODY_BYTES)
            else:
                seen.append(body)
                body = b""
    except RemoteProtocolError as error:
        return [*seen, body], (type(error), error.status, str(error))
    return seen, None


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    at = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(at)]


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


def test_in_http_1_1_the_method_of_the_preface_of_http_2_is_one_like_any_other() -> None:
    data = b"PRI /a HTTP/1.1\r\nHost: example.org\r\n\r\n"
    events, error = trace([data])
    assert (events, error) == trace(data[i : i + 1] for i in range(len(data)))
    assert error is None


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
    seen, error = trace([data])
    assert error is None or 400 <= error[1] <= 505
    assert trace(cut(data, at)) == (seen, error)


@FUZZ
@given(streams, damages)
def test_h11_is_never_given_what_it_reads_differently(
    data: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    # Every request accepted here is understood in the same way by h11 alone.
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
        "limit_body",
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
    responses = ResponseEncoder(wire)
    calls = {
        "feed": lambda: wire.feed(data[:size]),
        "end": lambda: wire.feed(b""),
        "limit_body": lambda: wire.limit_body(BODY_BYTES),
        "encode_continue": responses.encode_continue,
        "encode_head": lambda: responses.encode_head(200, [], content_bytes=None, is_close=False),
        "encode_body": lambda: responses.encode_body(b"x"),
        "encode_end": responses.encode_end,
    }
    for step in steps:
        try:
            (calls.get(step) or getattr(wire, step))()
        except ProtocolError:
            pass
        assert wire.can_keep_alive in {True, False}
