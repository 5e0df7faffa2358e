"""Bodies of a declared length and in chunks: what is accepted, how much, and what is refused."""

from __future__ import annotations

import pytest

from trioweb._wire.http1.body_guard import CHUNK_LINE_BYTES, CHUNKS_AT_ONCE
from trioweb._wire.http1.wire import Body, EndOfBody, Http1Event, Http1Wire, NeedData, Paused, RequestHead
from trioweb.errors import BodyTooLarge, HeadersTooLarge, RemoteProtocolError

HEAD_BYTES = 512
BODY_BYTES = 100

CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def body_wire(framing: bytes = CHUNKED) -> Http1Wire:
    """Return a wire that has read a head, but not its body."""
    wire = Http1Wire(head_bytes=HEAD_BYTES)
    wire.feed(framing)
    assert isinstance(wire.next_event(), RequestHead)
    wire.limit_body(BODY_BYTES)
    return wire


def with_length(length: int) -> Http1Wire:
    return body_wire(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % length)


def events(wire: Http1Wire, data: bytes) -> list[Http1Event]:
    wire.feed(data)
    found = [wire.next_event()]
    while not isinstance(found[-1], NeedData | Paused):
        found.append(wire.next_event())
    return found


def refusal(data: bytes, *, before: bytes = b"") -> RemoteProtocolError:
    """Return the error that ends a body in chunks, after the good part `before`."""
    wire = body_wire()
    wire.feed(data)
    received = b""
    with pytest.raises(RemoteProtocolError) as caught:
        while isinstance(event := wire.next_event(), Body):
            received += event.data
    assert received == before
    return caught.value


# A declared length (RFC 9112 §6.2).


def test_a_body_of_a_declared_length_ends_there_and_not_earlier() -> None:
    wire = with_length(5)
    assert events(wire, b"abc") == [Body(b"abc"), NeedData()]
    assert events(wire, b"deGET ") == [Body(b"de"), EndOfBody(), Paused()]


def test_a_body_may_have_exactly_the_allowed_length() -> None:
    body = b"x" * BODY_BYTES
    assert events(with_length(BODY_BYTES), body) == [Body(body), EndOfBody(), Paused()]


def test_a_longer_body_is_refused_when_it_is_announced() -> None:
    with pytest.raises(BodyTooLarge, match=r"Limits\.body_bytes") as caught:
        with_length(BODY_BYTES + 1)
    assert caught.value.status == 413


def test_a_body_that_stops_early_is_refused_when_the_peer_ends() -> None:
    for wire, data in [
        (with_length(5), b"abc"),
        (body_wire(), b"5\r\nab"),
        (body_wire(), b"1\r\na\r\n0\r\n"),
    ]:
        events(wire, data)
        wire.feed(b"")
        with pytest.raises(RemoteProtocolError, match="within the body") as caught:
            wire.next_event()
        assert caught.value.status == 400


# Chunks (RFC 9112 §7.1).


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (b"0\r\n\r\n", b""),
        (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"5\r\nhello\r\n1\r\n!\r\n000\r\n\r\n", b"hello!"),
        (b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
        (b"000000000000000a\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
        (b'5;a;b=c;d="e f"\r\nhello\r\n0;x\r\n\r\n', b"hello"),
        (b"5;\xff\t \r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"4\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n\r\n"),
        (b"5\r\nhello\r\n0\r\nA: b\r\nC: \xff\r\n\r\n", b"hello"),
    ],
)
def test_chunks_are_joined_and_extensions_and_trailers_left_out(data: bytes, body: bytes) -> None:
    *pieces, end, paused = events(body_wire(), data)
    assert [end, paused] == [EndOfBody(), Paused()]
    assert b"".join(piece.data for piece in pieces if isinstance(piece, Body)) == body


def test_many_small_chunks_that_came_together_are_one_piece() -> None:
    assert events(body_wire(), b"1\r\na\r\n" * 50) == [Body(b"a" * 50), NeedData()]


def test_a_part_of_a_chunk_is_handed_over_as_it_comes() -> None:
    wire = body_wire()
    assert events(wire, b"6\r\nab") == [Body(b"ab"), NeedData()]
    assert events(wire, b"cd") == [Body(b"cd"), NeedData()]
    assert events(wire, b"ef\r") == [Body(b"ef"), NeedData()]
    assert events(wire, b"\n0\r\n\r") == [NeedData()]
    assert events(wire, b"\nGET") == [EndOfBody(), Paused()]


@pytest.mark.parametrize(
    "line",
    [
        b"\r\n",
        b"g\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b"0x1\r\n",
        b" 1\r\n",
        b"1 \r\n",
        b"1 ;a\r\n",
        b"1_0\r\n",
        b"5\n",
        b"5\rh",
        b"5;a\n",
        b"5;a\rb\r\n",
        b"5;\x00\r\n",
        b"5;\x7f\r\n",
        b"1" * 17,
        b"\xb2",
    ],
)
def test_a_malformed_chunk_line_is_answered_400_at_once(line: bytes) -> None:
    assert refusal(line).status == 400
    assert refusal(b"3\r\nabc\r\n" + line, before=b"abc").status == 400


@pytest.mark.parametrize("data", [b"3\r\nabcd", b"3\r\nabc\n", b"3\r\nabc\r\r", b"3\r\nabc0\r\n\r\n"])
def test_a_chunk_that_is_longer_than_its_size_is_answered_400(data: bytes) -> None:
    assert refusal(data, before=b"abc").status == 400


def test_the_sizes_of_chunks_are_counted_before_their_data_comes() -> None:
    exact = b"%x\r\n" % BODY_BYTES + b"x" * BODY_BYTES + b"\r\n"
    assert events(body_wire(), exact + b"0\r\n\r\n") == [Body(b"x" * BODY_BYTES), EndOfBody(), Paused()]
    error = refusal(exact + b"1\r\n", before=b"x" * BODY_BYTES)
    assert isinstance(error, BodyTooLarge)
    assert error.status == 413
    assert isinstance(refusal(b"%x\r\n" % (BODY_BYTES + 1)), BodyTooLarge)
    assert isinstance(refusal(b"f" * 16 + b"\r\n"), BodyTooLarge)


def test_one_chunk_line_is_bounded() -> None:
    longest = b"1;" + b"a" * (CHUNK_LINE_BYTES - 4) + b"\r\n"
    assert len(longest) == CHUNK_LINE_BYTES
    assert events(body_wire(), longest + b"x") == [Body(b"x"), NeedData()]
    assert refusal(longest.replace(b"1;", b"1;a")).status == 400
    assert refusal(longest[:-2] + b"aa").status == 400


def test_all_chunk_extensions_together_are_bounded() -> None:
    chunk = b"1;" + b"a" * 9 + b"\r\nx\r\n"
    most = HEAD_BYTES // 10
    assert events(body_wire(), chunk * most) == [Body(b"x" * most), NeedData()]
    error = refusal(chunk * (most + 1), before=b"x" * most)
    assert isinstance(error, HeadersTooLarge)
    assert "Limits.head_bytes" in str(error)


def test_trailers_are_bounded_together_with_extensions() -> None:
    trailers = b"A: " + b"b" * (HEAD_BYTES - 17) + b"\r\n\r\n"
    assert events(body_wire(), b"0;" + b"c" * 9 + b"\r\n" + trailers) == [EndOfBody(), Paused()]
    for data in (trailers, trailers[:-4]):
        error = refusal(b"0;" + b"c" * 10 + b"\r\n" + data + b"more")
        assert isinstance(error, HeadersTooLarge)
        assert error.status == 431


@pytest.mark.parametrize(
    "line", [b"a\r\n", b"a : b\r\n", b" a: b\r\n", b"a: b\n", b"a: b\rc", b"a: \x00", b"\n", b"\rx"]
)
def test_malformed_trailers_are_answered_400(line: bytes) -> None:
    assert refusal(b"0\r\n" + line).status == 400
    assert refusal(b"0\r\nx: y\r\n" + line).status == 400


@pytest.mark.parametrize("name", [b"Content-Length", b"TRANSFER-ENCODING", b"Host"])
def test_trailers_that_would_frame_the_message_are_answered_400(name: bytes) -> None:
    assert refusal(b"0\r\n" + name + b": 1\r\n\r\n").status == 400


def test_trailers_may_come_byte_by_byte() -> None:
    wire = body_wire()
    for byte in b"0\r\nA: b\r\n\r":
        assert events(wire, bytes([byte])) == [NeedData()]
    assert events(wire, b"\n") == [EndOfBody(), Paused()]


def test_thousands_of_tiny_chunks_are_given_a_few_at_a_time() -> None:
    wire = body_wire()
    wire.limit_body(10_000)
    *bodies, end, _ = events(wire, b"1\r\nx\r\n" * 5000 + b"0\r\n\r\n")
    pieces = [body.data for body in bodies if isinstance(body, Body)]
    assert b"".join(pieces) == b"x" * 5000
    assert max(map(len, pieces)) == CHUNKS_AT_ONCE
    assert isinstance(end, EndOfBody)
