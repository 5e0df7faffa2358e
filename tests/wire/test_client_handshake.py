"""The responses to a client's handshake: which open a WebSocket, and which do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.heads import read

from trioweb import Deflate, HandshakeRejected, Limits
from trioweb._wire.client_handshake import NONCE_BYTES, Accepted, ClientHandshake
from trioweb._wire.handshake import encode_accept, negotiate_handshake
from trioweb._wire.websocket_url import parse_url
from trioweb.errors import BadHandshake

NONCE = b"the sample nonce"  # RFC 6455 §1.3
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
TOKEN = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

FIELDS = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": TOKEN}


def shake(text: str = "ws://example.org/chat", *, limits: Limits | None = None, **options) -> ClientHandshake:
    return ClientHandshake(parse_url(text), key=NONCE, limits=limits or Limits(), **options)


def switching(*lines: str, start: str = "HTTP/1.1 101 Switching Protocols", **replaced: str | None) -> bytes:
    """Write the usual response with more lines, and fields replaced or (None) left out."""
    fields = FIELDS | {name.replace("_", "-"): value for name, value in replaced.items()}
    all_lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\r\n".join([start, *all_lines, *lines, "", ""]).encode("latin-1")


def accepted(handshake: ClientHandshake, response: bytes) -> Accepted:
    agreement = handshake.feed(response)
    assert agreement is not None
    return agreement


def fault(response: bytes, **options) -> str:
    with pytest.raises(BadHandshake) as caught:
        shake(**options).feed(response)
    assert caught.value.phase == "handshake"
    return str(caught.value)


# The response (RFC 6455 §4.1, p. 19).


def test_a_response_that_fits_opens_the_websocket():
    agreement = accepted(shake(), switching("Set-Cookie: a=b", "Set-Cookie: c=d") + b"\x81\x02hi")

    assert (agreement.status, agreement.subprotocol, agreement.deflate) == (101, None, None)
    assert agreement.early_input == b"\x81\x02hi"
    assert agreement.headers["upgrade"] == "websocket"
    assert agreement.headers.get_all("set-cookie") == ["a=b", "c=d"]


@pytest.mark.parametrize(
    "response",
    [
        switching(Upgrade="WebSocket", Connection="upgrade"),
        switching(Connection="keep-alive, Upgrade"),
        switching("Connection: Upgrade", Connection="keep-alive"),
        switching(Sec_WebSocket_Accept=f" \t{TOKEN}\t "),
        switching("Content-Length: 0"),
        switching(start="HTTP/1.1 101"),
        switching(start="HTTP/1.1 101 Web Socket Protocol Handshake"),
        switching().lower().replace(TOKEN.lower().encode(), TOKEN.encode()).replace(b"http/", b"HTTP/"),
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + switching(),
    ],
)
def test_forms_of_a_response_that_mean_the_same_open_it(response):
    assert accepted(shake(), response).early_input == b""


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        (switching(Upgrade=None), "expected Upgrade: websocket, and received no such field"),
        (switching(Upgrade="h2c"), "expected Upgrade: websocket, and received 'h2c'"),
        (switching("Upgrade: h2c"), "expected Upgrade: websocket, and received 'websocket, h2c'"),
        (switching(Connection=None), "expected Connection: Upgrade, and received no such field"),
        (switching(Connection="close"), "expected Connection: Upgrade, and received 'close'"),
        (switching(Connection="upgraded"), "expected Connection: Upgrade, and received 'upgraded'"),
        (
            switching(Sec_WebSocket_Accept=None),
            f"expected Sec-WebSocket-Accept: {TOKEN}, and received no such",
        ),
        (switching(Sec_WebSocket_Accept=TOKEN.lower()), f"and received {TOKEN.lower()!r}"),
        (switching(Sec_WebSocket_Accept=KEY), f"and received {KEY!r}"),
        (switching(f"Sec-WebSocket-Accept: {TOKEN}"), f"and received '{TOKEN}, {TOKEN}'"),
        (switching(Sec_WebSocket_Accept="x" * 500), "x'..."),
        (
            switching("Sec-WebSocket-Protocol: chat"),
            "expected Sec-WebSocket-Protocol: one of those offered (none",
        ),
        (switching("Sec-WebSocket-Extensions: permessage-deflate"), "permessage-deflate"),
        (switching(start="HTTP/1.0 101 Switching Protocols"), "needs HTTP/1.1, and the server has HTTP/1.0"),
    ],
)
def test_a_response_that_fits_another_request_opens_nothing(response, problem):
    text = fault(response)

    assert problem in text
    assert len(text) < 400


@pytest.mark.parametrize(("chosen", "expected"), [("b", "b"), (None, None)])
def test_the_server_may_choose_one_of_the_subprotocols_or_none(chosen, expected):
    lines = [] if chosen is None else [f"Sec-WebSocket-Protocol: {chosen}"]

    assert accepted(shake(subprotocols=["a", "b"]), switching(*lines)).subprotocol == expected


@pytest.mark.parametrize("lines", [["c"], ["a, b"], ["A"], [""], ["a", "b"], ["a", "a"]])
def test_the_server_may_not_choose_another_subprotocol_or_two(lines):
    response = switching(*(f"Sec-WebSocket-Protocol: {line}" for line in lines))

    assert "expected Sec-WebSocket-Protocol: one of those offered (a, b)" in fault(
        response, subprotocols=["a", "b"]
    )


def test_the_server_may_accept_or_decline_compression():
    answer = switching("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover")

    agreement = accepted(shake(compression=Deflate()), answer)

    assert agreement.deflate is not None
    assert agreement.deflate.server_no_context_takeover
    assert accepted(shake(compression=Deflate()), switching()).deflate is None


@pytest.mark.parametrize(
    "extension", ["x-webkit-deflate-frame", "permessage-deflate; x=y", "permessage-deflate;;"]
)
def test_the_server_may_not_accept_an_extension_that_was_not_offered(extension):
    response = switching(f"Sec-WebSocket-Extensions: {extension}")

    assert "Sec-WebSocket-Extensions" in fault(response, compression=Deflate())


# Refusals.


def rejection(handshake: ClientHandshake, response: bytes) -> HandshakeRejected:
    with pytest.raises(HandshakeRejected) as caught:
        handshake.feed(response)
        handshake.input_ended()
    return caught.value


def test_a_refusal_has_the_status_the_fields_and_the_body():
    error = rejection(
        shake(),
        b"HTTP/1.1 401 Who are you\r\nWWW-Authenticate: Basic\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\n"
        b'Content-Length: 18\r\n\r\n{"detail": "user"}',
    )

    assert (error.status, error.detail, error.body) == (401, "Who are you", b'{"detail": "user"}')
    assert error.is_body_complete
    assert error.was_received
    assert error.headers["www-authenticate"] == "Basic"
    assert error.headers.get_all("Set-Cookie") == ["a=b", "c=d"]
    assert str(error) == (
        'the server answered the handshake with 401 Who are you, not with 101, and said b\'{"detail": "user"}\''
    )


@pytest.mark.parametrize("status", [200, 204, 300, 304, 400, 426, 500, 599, 700, 999])
def test_any_status_but_101_is_a_refusal(status):
    error = rejection(shake(), f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())

    assert (error.status, error.body, error.is_body_complete) == (status, b"", True)


def test_a_redirect_says_where_to_and_which_setting_follows_it():
    error = rejection(shake(), b"HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n")

    assert str(error) == (
        "the server answered the handshake with 302 Found to '/new' (most_redirects=... follows), not with 101"
    )


def test_a_refusal_whose_body_breaks_off_is_still_one():
    error = rejection(shake(), b"HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nno ")

    assert (error.status, error.body, error.is_body_complete) == (403, b"no ", False)


def test_a_refusal_whose_body_never_ends_is_there_when_the_time_is_up():
    handshake = shake()
    handshake.give_up()  # without a response there is nothing to say
    assert handshake.feed(b"HTTP/1.1 403 Forbidden\r\n\r\nno ") is None

    with pytest.raises(HandshakeRejected) as caught:
        handshake.give_up()

    assert (caught.value.status, caught.value.body, caught.value.is_body_complete) == (403, b"no ", False)


def test_the_end_of_the_input_before_a_response_is_a_bad_handshake():
    with pytest.raises(BadHandshake, match="the peer closed the connection without an answer"):
        shake().input_ended()


def test_the_head_of_a_response_is_bounded():
    assert "longer than 300 bytes (Limits.head_bytes)" in fault(
        switching(X="y" * 300), limits=Limits(head_bytes=300)
    )


# Every cut.

RESPONSES = {
    "accepted": switching("Sec-WebSocket-Protocol: b", "Sec-WebSocket-Extensions: permessage-deflate"),
    "accepted with early frames": b"HTTP/1.1 103 Early Hints\r\n\r\n" + switching() + b"\x81\x02hi\x81\x02ho",
    "not fitting": switching(Upgrade="h2c"),
    "refused": b"HTTP/1.1 401 Who\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nmore",
    "redirected": b"HTTP/1.0 302 Found\r\nLocation: /x\r\n\r\nthere",
    "malformed": b"HTTP/1.1 101 Switching\r\nUpgrade websocket\r\n\r\n",
}


def outcome_of(response: bytes, size: int) -> tuple[object, ...]:
    """Feed a response in pieces, and tell all that a program would see."""
    handshake = shake(subprotocols=["a", "b"], compression=Deflate())
    try:
        for start in range(0, len(response), size):
            agreement = handshake.feed(response[start : start + size])
            if agreement is not None:
                more = response[start + size :]
                return (
                    agreement.subprotocol,
                    agreement.deflate,
                    agreement.headers,
                    agreement.early_input + more,
                )
        handshake.input_ended()
    except HandshakeRejected as error:
        return error.status, error.detail, error.headers, error.body, error.is_body_complete
    except BadHandshake as error:
        return (str(error),)


@pytest.mark.parametrize("response", RESPONSES.values(), ids=RESPONSES)
def test_a_response_has_the_same_result_wherever_it_is_cut(response):
    whole = outcome_of(response, len(response))

    assert [outcome_of(response, size) for size in range(1, len(response))] == [whole] * (len(response) - 1)


# Both sides together.

TOKENS = st.text(st.sampled_from("abcXYZ09-._!"), min_size=1, max_size=8)


@given(
    offered=st.lists(TOKENS, unique=True, max_size=4),
    spoken=st.lists(TOKENS, max_size=4),
    nonce=st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES),
    size=st.integers(1, 300),
    has_compression=st.booleans(),
)
def test_our_server_and_our_client_agree_however_the_bytes_arrive(
    offered, spoken, nonce, size, has_compression
):
    compression = Deflate() if has_compression else None
    handshake = ClientHandshake(
        parse_url("ws://a/"), key=nonce, subprotocols=offered, compression=compression, limits=Limits()
    )
    agreement = negotiate_handshake(
        read(handshake.request),
        origins=None,
        scheme="http",
        subprotocols=(*spoken, *offered[1:]),
        compression=compression,
    )
    response = encode_accept(agreement, [("Set-Cookie", "a=b")])

    for start in range(0, len(response), size):
        outcome = handshake.feed(response[start : start + size])

    assert outcome is not None
    assert outcome.subprotocol == agreement.subprotocol
    assert outcome.deflate == agreement.deflate
    assert outcome.early_input == b""
