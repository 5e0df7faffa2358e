"""The response to a handshake as a client reads it: heads, interim responses, bodies, and their bounds."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._wire.http1.response_decoder import BODY_BYTES, ReceivedResponse, ResponseDecoder
from trioweb.errors import BadHandshake

UPGRADE = [("Host", "a"), ("Upgrade", "websocket"), ("Connection", "Upgrade")]
HEAD_BYTES = 1024


def new_decoder(method: str = "GET", head_bytes: int = HEAD_BYTES) -> ResponseDecoder:
    target, fields = ("/", UPGRADE) if method == "GET" else ("a:80", [("Host", "a:80")])
    return ResponseDecoder(h11.Request(method=method, target=target, headers=fields), head_bytes=head_bytes)


def decode(
    data: bytes, *, size: int = 1 << 20, has_end: bool = False, decoder: ResponseDecoder | None = None
) -> ReceivedResponse | None:
    """Feed `data` in pieces of `size` bytes, then the end of input if asked for."""
    decoder = decoder or new_decoder()
    for start in range(0, len(data), size):
        response = decoder.feed(data[start : start + size])
        if response is not None:
            return response if response.status != 101 else with_rest(response, data[start + size :])
    return decoder.input_ended() if has_end else None


def with_rest(response: ReceivedResponse, more: bytes) -> ReceivedResponse:
    return ReceivedResponse(
        response.status, response.reason, response.http_version, response.headers, rest=response.rest + more
    )


def refused(data: bytes, **options) -> ReceivedResponse:
    response = decode(data, **options)
    assert response is not None
    return response


def fault(data: bytes, **options) -> str:
    with pytest.raises(BadHandshake) as caught:
        decode(data, **options)
    return str(caught.value)


SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"

RESPONSES = {
    "switch": SWITCH,
    "switch with early frames": SWITCH + b"\x81\x02hi\x81\x02ho",
    "after interim responses": b"HTTP/1.1 100 Continue\r\n\r\n" + HINTS * 2 + SWITCH + b"\x81\x02hi",
    "length": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 7\r\n\r\nno key!",
    "length 0": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    "more than its length": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno key!",
    "chunks": b"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nA: b\r\n\r\n",
    "until the end": b"HTTP/1.0 503 Busy\r\nRetry-After: 3\r\n\r\nlater, please",
    "no body": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 70\r\n\r\n",
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
    "no reason": b"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n",
    "only line feeds": b"HTTP/1.1 404 Nothing\nA: b\nContent-Length: 1\n\nx",
    "folded": b"HTTP/1.1 404 Nothing\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "latin-1": b"HTTP/1.1 404 Rien trouv\xe9\r\nA: \xe9\r\nContent-Length: 0\r\n\r\n",
    "cut": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nno ",
    "cut chunk": b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nno ",
    "broken chunk": b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXX5\r\nde",
    "broken size": b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
    "long": b"HTTP/1.0 403 Forbidden\r\n\r\n" + b"x" * (BODY_BYTES + 1),
    "just not long": b"HTTP/1.0 403 Forbidden\r\n\r\n" + b"x" * BODY_BYTES,
}


@pytest.mark.parametrize("data", RESPONSES.values(), ids=RESPONSES)
def test_a_response_is_the_same_however_its_bytes_arrive(data):
    whole = decode(data, has_end=True)

    assert whole is not None
    for size in (1, 2, 3, 7) if len(data) < 1000 else (1000, 65_536):
        assert decode(data, size=size, has_end=True) == whole
    for cut in range(1, min(len(data), 300)):
        decoder = new_decoder()
        first = decode(data[:cut], decoder=decoder)
        if first is None:
            assert decode(data[cut:], has_end=True, decoder=decoder) == whole
        elif first.status == 101:
            assert with_rest(first, data[cut:]) == whole
        else:
            assert first == whole


def test_a_switch_leaves_the_bytes_after_the_head_to_the_next_protocol():
    response = refused(HINTS + SWITCH + b"\x81\x02hi")

    assert (response.status, response.rest) == (101, b"\x81\x02hi")
    assert response.headers.lines() == [("Upgrade", "websocket")]


@pytest.mark.parametrize(
    ("name", "status", "body", "is_complete"),
    [
        ("length", 403, b"no key!", True),
        ("length 0", 403, b"", True),
        ("more than its length", 403, b"no", True),
        ("chunks", 500, b"abcdefg", True),
        ("until the end", 503, b"later, please", True),
        ("no body", 204, b"", True),
        ("not modified", 304, b"", True),
        ("cut", 403, b"no ", False),
        ("cut chunk", 403, b"no ", False),
        ("broken chunk", 403, b"abc", False),
        ("broken size", 403, b"abc", False),
        ("long", 403, b"x" * BODY_BYTES, False),
        ("just not long", 403, b"x" * BODY_BYTES, True),
    ],
)
def test_a_body_of_any_framing_is_kept_as_far_as_it_goes(name, status, body, is_complete):
    response = refused(RESPONSES[name], has_end=True)

    assert (response.status, response.body, response.is_body_complete) == (status, body, is_complete)


def test_a_complete_body_does_not_wait_for_the_end_of_the_connection():
    for name in ("length", "length 0", "chunks", "no body", "not modified", "redirect"):
        assert decode(RESPONSES[name]) is not None, name


def test_a_refusal_is_available_before_its_body_is_complete():
    decoder = new_decoder()
    assert decoder.so_far() is None
    assert decode(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r", decoder=decoder) is None
    assert decoder.so_far() is None
    assert decode(b"\nno ", decoder=decoder) is None

    response = decoder.so_far()

    assert response is not None
    assert (response.status, response.body, response.is_body_complete) == (403, b"no ", False)


def test_chunks_that_are_nearly_all_framing_are_bounded():
    head = b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"1;" + b"x" * 1000 + b"\r\ny\r\n"
    decoder = new_decoder()
    decode(head, decoder=decoder)
    fed = 0
    while (response := decoder.feed(chunk)) is None:
        fed += len(chunk)
        assert fed < 8 * BODY_BYTES

    assert set(response.body) == set(b"y")
    assert not response.is_body_complete


@pytest.mark.parametrize("size", [1, 1 << 20])
@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "expected a response of HTTP/1.1, and received b'S"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "which is TLS: use wss:// or https://"),
        (b"\x00\x00\x12\x04\x00", "expected a response of HTTP/1.1, and received b'\\x00"),
        (b"\r\nHTTP/1.1 101 Switching\r\n\r\n", "expected a response of HTTP/1.1"),
        (b"HTTP/1.1 abc\r\n\r\n", "the response is malformed: illegal status line"),
        (b"HTTP/1.1 099 Less\r\n\r\n", "the response is malformed"),
        (b"HTTP/2 101 Switching\r\n\r\n", "the response is malformed: illegal status line"),
        (b"HTTP/1.1 403 Forbidden\r\n: x\r\n\r\n", "the response is malformed: illegal header line"),
        (b"HTTP/1.1 403 Forbidden\r\nA : x\r\n\r\n", "the response is malformed: illegal header line"),
        (b"HTTP/1.1 403 No\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "conflicting Content-Length"),
        (b"HTTP/1.1 200 OK\r\n" + b"A" * HEAD_BYTES, "longer than 1024 bytes (Limits.head_bytes)"),
        (HINTS * 17 + SWITCH, "more than 16 interim responses (1xx)"),
    ],
)
def test_a_response_that_is_not_http_is_refused_with_what_came(data, problem, size):
    text = fault(data, size=size)

    assert problem in text
    assert text.startswith("connecting failed (handshake): ")
    assert len(text) < 400


def test_the_quote_of_a_long_line_is_short():
    assert len(fault(b"HTTP/1.1 403 Forbidden\r\n" + b"?" * 900 + b"\r\n\r\n")) < 400


@pytest.mark.parametrize("size", [1, 5, 1 << 20])
@pytest.mark.parametrize("before", [b"", HINTS])
def test_a_head_may_be_as_long_as_its_limit_and_not_a_byte_longer(size, before):
    start, end = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nA: ", b"\r\n\r\n"
    padding = b"x" * (HEAD_BYTES - len(start + end))

    assert refused(before + start + padding + end, size=size).status == 403
    assert "Limits.head_bytes" in fault(before + start + padding + b"x" + end, size=size)


def test_a_head_may_be_longer_than_h11_allows_by_itself():
    decoder = new_decoder(head_bytes=100_000)
    data = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nA: " + b"x" * 50_000 + b"\r\n\r\n"

    assert refused(data, size=999, decoder=decoder).status == 403


@pytest.mark.parametrize(
    ("data", "came"),
    [
        (b"", "without an answer"),
        (b"HTTP/1.1 10", "after b'HTTP/1.1 10'"),
        (HINTS, "without an answer"),
    ],
)
def test_the_end_before_a_response_is_a_bad_handshake(data, came):
    assert f"the peer closed the connection {came}" in fault(data, has_end=True)


# CONNECT (RFC 9110 §9.3.6).


@pytest.mark.parametrize(
    "start", [b"HTTP/1.1 200 Connection established", b"HTTP/1.0 200 OK", b"HTTP/1.1 299 Yes"]
)
@pytest.mark.parametrize("field", [b"", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_any_2xx_to_connect_opens_a_tunnel_whatever_length_it_claims(start, field):
    response = refused(start + b"\r\n" + field + b"\r\nrest", decoder=new_decoder("CONNECT"))

    assert (response.status // 100, response.body, response.rest) == (2, b"", b"rest")


def test_a_proxy_cannot_switch_protocols():
    assert "the response is malformed" in fault(SWITCH, decoder=new_decoder("CONNECT"))


@given(
    st.binary(max_size=60),
    st.sampled_from([b"", b"HTTP/1.1 ", b"HTTP/1.1 403 No\r\n", SWITCH[:-2]]),
    st.integers(1, 9),
)
def test_any_bytes_are_a_response_or_a_bad_handshake_and_the_same_in_pieces(tail, start, size):
    def outcome(size: int) -> object:
        try:
            return decode(start + tail, size=size, has_end=True)
        except BadHandshake:
            return "bad"

    assert outcome(size) == outcome(1 << 20)
