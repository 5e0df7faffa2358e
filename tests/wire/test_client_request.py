"""The request of a client's opening handshake (RFC 6455 §4.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.heads import read

from trioweb import Deflate, Limits, LocalProtocolError
from trioweb._wire.client_handshake import ClientHandshake
from trioweb._wire.http1.wire import RequestHead
from trioweb._wire.websocket_url import parse_url

NONCE = b"the sample nonce"  # RFC 6455 §1.3
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def shake(text: str = "ws://example.org/chat", **options) -> ClientHandshake:
    return ClientHandshake(parse_url(text), key=NONCE, limits=Limits(), **options)


def head_of(handshake: ClientHandshake) -> RequestHead:
    """Parse a request as our server does."""
    return read(handshake.request)


def test_a_request_has_what_the_rfc_asks_for_and_nothing_twice():
    handshake = shake("ws://example.org:8000/chat?room=1")

    assert handshake.request.decode().split("\r\n") == [
        "GET /chat?room=1 HTTP/1.1",
        "Host: example.org:8000",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
        "User-Agent: trioweb",
        "",
        "",
    ]


def test_subprotocols_are_offered_in_order_of_preference():
    head = head_of(shake(subprotocols=["chat.v2", "chat.v1"]))

    assert head.headers["sec-websocket-protocol"] == "chat.v2, chat.v1"


@pytest.mark.parametrize(
    ("subprotocols", "problem"),
    [
        (["a b"], "a subprotocol is a token, not 'a b'"),
        ([""], "a subprotocol is a token, not ''"),
        (["a,b"], "a subprotocol is a token"),
        (["a\r\nX: y"], "a subprotocol is a token"),
        ([1], "a subprotocol is a token, not 1"),
        (["a", "b", "a"], "a subprotocol is offered once, not again: a, b, a"),
        ("chat", "takes a list such as \\['chat'\\], not a str"),
    ],
)
def test_subprotocols_are_different_tokens(subprotocols, problem):
    with pytest.raises(LocalProtocolError, match=problem):
        shake(subprotocols=subprotocols)


def test_the_programs_headers_are_added_with_their_spelling_and_in_their_order():
    lines = [("X-First", "1"), ("cookie", "a=b"), ("X-first", "2"), ("Origin", "https://example.org")]

    request = shake(headers=lines).request.decode()

    assert request.endswith(
        "X-First: 1\r\ncookie: a=b\r\nX-first: 2\r\nOrigin: https://example.org\r\nUser-Agent: trioweb\r\n\r\n"
    )


def test_headers_may_be_a_mapping():
    assert head_of(shake(headers={"Cookie": "a=b"})).headers["cookie"] == "a=b"


def test_blanks_around_a_value_are_not_sent():
    assert b"\r\nX: a b\r\n" in shake(headers={"X": " a b\t"}).request


@given(st.text(st.characters(codec="latin-1"), max_size=8), st.text(max_size=4))
def test_a_field_that_the_server_could_not_read_is_refused_and_any_other_arrives(value, name):
    try:
        handshake = shake(headers={f"X-{name}": value})
    except LocalProtocolError:
        return
    assert head_of(handshake).headers[f"X-{name}"] == value.strip(" \t")


def test_the_programs_own_host_user_agent_and_authorization_replace_the_usual_ones():
    given = {"Host": "internal.example", "User-Agent": "mine", "Authorization": "Bearer token"}

    headers = head_of(shake("ws://ann:secret@example.org/", headers=given)).headers

    assert {name: headers.get_all(name) for name in given} == {name: [value] for name, value in given.items()}


def test_the_user_of_the_url_is_sent_as_basic_authentication():
    assert head_of(shake("ws://ann:secret@a/")).headers["authorization"] == "Basic YW5uOnNlY3JldA=="


@pytest.mark.parametrize(
    "name",
    [
        "Upgrade",
        "connection",
        "Sec-WebSocket-Key",
        "sec-websocket-protocol",
        "Content-Length",
        "Transfer-Encoding",
    ],
)
def test_the_fields_of_the_handshake_itself_cannot_be_given(name):
    with pytest.raises(LocalProtocolError, match=f"the header {name} belongs to the handshake"):
        shake(headers={name: "1"})


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ([("Host", "a"), ("host", "b")], "one Host header, not several"),
        ({"X": "a\r\nY: b"}, "contains a control character"),
        ({"X": "a\x00"}, "contains a control character"),
        ({"X Y": "a"}, "is not a header name"),
        ({"X:": "a"}, "is not a header name"),
        ({"X": "€"}, "must fit latin-1"),
        ({"X": 1}, "must be a str, not int"),
    ],
)
def test_a_field_that_cannot_be_sent_is_refused(headers, problem):
    with pytest.raises(LocalProtocolError, match=problem):
        shake(headers=headers)


def test_compression_is_offered_only_if_the_program_wants_it():
    assert "sec-websocket-extensions" not in head_of(shake()).headers
    offer = head_of(shake(compression=Deflate())).headers["sec-websocket-extensions"]
    assert offer.startswith("permessage-deflate; ")
