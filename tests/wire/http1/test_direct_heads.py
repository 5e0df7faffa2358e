"""Heads that the guard decodes itself are the same as if h11 had decoded them."""

from __future__ import annotations

from collections.abc import Callable

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import EXAMPLES
from support.http1 import CHUNKED, EXPECTING, GET, HANDSHAKE, HEAD, OLD, POST, read_body, read_head, respond

from trioweb._wire.http1.late_h11 import LateH11
from trioweb._wire.http1.response_encoder import ResponseEncoder
from trioweb._wire.http1.wire import Http1Wire, RequestHead
from trioweb.errors import LocalProtocolError, RemoteProtocolError

FUZZ = settings(max_examples=EXAMPLES)

TOKEN = "!#$%&'*+-.^_`|~019AZaz"

methods = st.sampled_from(["GET", "HEAD", "POST", "DELETE", "OPTIONS", "get"]) | st.text(
    TOKEN, min_size=1, max_size=33
)
targets = st.sampled_from(
    ["/", "*", "/a?b?c", "//", "/%zz", "http://h/x?y", "https://h:1", "HTTP://h?q", "http://u@h/", "a"]
) | st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20).map("/".__add__)
blanks = st.text(" \t", max_size=3)
octets = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=20).map(
    lambda text: text.replace("\x7f", "\t")
)
names = st.text(TOKEN, min_size=1, max_size=8) | st.sampled_from(["Cookie", "X", "x"])
noted = st.sampled_from(
    [
        "Connection:close",
        "CONNECTION: keep-alive, Upgrade",
        "connection: ,Close,\t",
        "Upgrade: websocket",
        "Expect: 100-Continue",
        "Content-Length: 0",
        "Content-Length:000 ",
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
    ]
)
plain = st.builds("{}:{}{}{}".format, names, blanks, octets, blanks)
wild = st.builds("{}:{}".format, st.sampled_from(["Host", "Connection", "Content-Length", "Expect"]), octets)
lines = st.one_of(plain, plain, plain, noted, noted, wild)
hosts = st.sampled_from([["Host: example.org"], ["HOST:\t[::1]:80 "], ["Host:"], []])


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    start = f"{draw(methods)} {draw(targets)} HTTP/{draw(st.sampled_from(['1.1', '1.1', '1.0']))}"
    fields = [*draw(hosts), *draw(st.lists(lines, max_size=6))]
    return "\r\n".join([start, *draw(st.permutations(fields)), "", ""]).encode("latin-1")


def wire_of(*pieces: bytes) -> tuple[Http1Wire, RequestHead]:
    """Feed a head; if it comes in several pieces, h11 always decodes it."""
    wire = Http1Wire(head_bytes=4096)
    for piece in pieces[:-1]:
        wire.feed(piece)
        wire.next_event()
    wire.feed(pieces[-1])
    return wire, read_head(wire)


def outcome(call: Callable[[], object]) -> object:
    try:
        return call()
    except (LocalProtocolError, RemoteProtocolError) as error:
        return type(error), str(error)


def head_and_lines(*pieces: bytes) -> object:
    head = wire_of(*pieces)[1]
    return head, head.headers.lines()


@FUZZ
@given(heads())
def test_a_head_is_the_same_whichever_parser_decodes_it(data: bytes) -> None:
    assert outcome(lambda: head_and_lines(data)) == outcome(lambda: head_and_lines(data[:1], data[1:]))


@FUZZ
@given(heads())
def test_h11_alone_reads_the_same_from_heads_that_it_was_not_shown(data: bytes) -> None:
    try:
        wire, head = wire_of(data)
    except RemoteProtocolError:
        return
    peer = h11.Connection(h11.SERVER)
    peer.receive_data(data)
    event = peer.next_event()
    assert isinstance(event, h11.Request)
    assert (event.method.decode(), event.target.decode()) == (head.method, head.target)
    if head.content_bytes == 0:
        assert not wire.h11.has_begun
        assert isinstance(peer.next_event(), h11.EndOfMessage)
    if head.target.startswith("/"):
        fields = [(name.decode(), value.decode("latin-1")) for name, value in event.headers.raw_items()]
        own = [
            (name, value.lower() if name.lower() == "transfer-encoding" else value)
            for name, value in head.headers.lines()
        ]
        assert own == fields


@FUZZ
@given(
    heads(),
    st.sampled_from([200, 204, 304, 404]),
    st.sampled_from([None, 0, 2]),
    st.booleans(),
    st.booleans(),
)
def test_a_response_is_the_same_whichever_parser_decoded_the_head(
    data: bytes, status: int, content_bytes: int | None, is_read_first: bool, is_close: bool
) -> None:
    def exchange(*pieces: bytes) -> list[object]:
        wire, head = wire_of(*pieces)
        responses = ResponseEncoder(wire)
        steps: list[Callable[[], object]] = [
            lambda: responses.encode_head(
                status, [("X", "y")], content_bytes=content_bytes, is_close=is_close
            ),
            lambda: responses.encode_body(b"ok"),
            responses.encode_end,
        ]
        read = wire.next_event
        if head.content_bytes == 0:
            steps = [read, *steps] if is_read_first else [*steps, read]
        steps += [lambda: wire.can_keep_alive, wire.start_next_request, lambda: wire.can_keep_alive]
        return [outcome(step) for step in steps]

    assert outcome(lambda: exchange(data)) == outcome(lambda: exchange(data[:1], data[1:]))


@pytest.mark.parametrize("pieces", [(HANDSHAKE,), (HANDSHAKE[:9], HANDSHAKE[9:])], ids=["whole", "halves"])
def test_a_websocket_keeps_nothing_of_http(pieces: tuple[bytes, ...]) -> None:
    wire, head = wire_of(*pieces)
    assert (not wire.h11.has_begun) == (len(pieces) == 1)
    wire.feed(b"\x81\x80mask")
    assert wire.switch_to_websocket() == b"\x81\x80mask"
    assert not wire.h11.has_begun
    kept = [getattr(wire, name) for name in Http1Wire.__slots__]
    kept += [getattr(wire.h11, name) for name in LateH11.__slots__]
    assert not any(isinstance(thing, h11.Connection) or thing is head for thing in kept)
    assert sum(len(thing) for thing in kept if isinstance(thing, bytes | bytearray)) == 0


def test_requests_of_all_kinds_follow_each_other_on_one_connection() -> None:
    wire = Http1Wire(head_bytes=4096)
    kinds = [GET, CHUNKED, HEAD, EXPECTING + b"hello", GET, POST, HANDSHAKE, GET]
    bodies = []
    wire.feed(b"".join(kinds))
    for _ in kinds:
        read_head(wire)
        bodies.append(read_body(wire))
        assert respond(wire, b"").startswith(b"HTTP/1.1 200 ")
        wire.start_next_request()
    assert bodies == [b"", b"abcde", b"", b"hello", b"", b"hello", b"", b""]
    wire.feed(HANDSHAKE + b"frames")
    assert read_head(wire).wants_websocket
    assert wire.switch_to_websocket() == b"frames"


def test_an_early_response_to_a_head_without_a_body_leaves_the_next_request_alone() -> None:
    wire = Http1Wire(head_bytes=4096)
    wire.feed(GET + OLD)
    read_head(wire)
    respond(wire)
    with pytest.raises(LocalProtocolError):
        wire.start_next_request()
    assert read_body(wire) == b""
    wire.start_next_request()
    assert read_head(wire).http_version == "1.0"
    assert respond(wire).count(b"Connection: close") == 1
    assert not wire.can_keep_alive
