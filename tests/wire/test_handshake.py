"""The opening handshake, from raw requests to the bytes of the response."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._wire.handshake import (
    Agreement,
    check,
    choose_subprotocol,
    encode_accept,
    negotiate_handshake,
    offered_subprotocols,
)
from trioweb._wire.http1.wire import Http1Wire, RequestHead
from trioweb.config import Deflate
from trioweb.errors import HandshakeRejected, LocalProtocolError, RemoteProtocolError
from trioweb.headers import Headers

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 §1.3
TOKEN = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

FIELDS = {
    "Host": "example.org",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}


def head(*lines: str, start: str = "GET /chat HTTP/1.1", **replaced: str | None) -> RequestHead:
    """Parse the usual handshake with more lines, and fields replaced or (None) left out."""
    fields = FIELDS | {name.replace("_", "-"): value for name, value in replaced.items()}
    all_lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    wire = Http1Wire(head_bytes=4096)
    wire.feed("\r\n".join([start, *all_lines, *lines, "", ""]).encode("latin-1"))
    event = wire.next_event()
    assert isinstance(event, RequestHead)
    return event


def refusal(request: RequestHead) -> HandshakeRejected:
    with pytest.raises(HandshakeRejected) as caught:
        check(request)
    return caught.value


def agree(request: RequestHead, *subprotocols: str, compression: Deflate | None = None) -> Agreement:
    return negotiate_handshake(
        request, origins=None, scheme="http", subprotocols=subprotocols, compression=compression
    )


# RFC 6455 §4.2.1.


def test_the_handshake_of_the_rfc_is_accepted() -> None:
    accepted = agree(
        head("Origin: http://example.org", "Sec-WebSocket-Protocol: chat, superchat"), "superchat"
    )
    assert accepted == Agreement(TOKEN, "superchat", None, ("chat", "superchat"))


def test_the_key_is_returned_as_it_came() -> None:
    assert check(head()) == KEY


def test_w07_a_handshake_uses_get() -> None:
    error = refusal(head(start="POST / HTTP/1.1"))
    assert (error.status, error.headers.lines()) == (405, [("Allow", "GET")])


def test_w07_a_handshake_uses_http_1_1() -> None:
    error = refusal(head(start="GET / HTTP/1.0"))
    assert error.status == 400
    assert "HTTP/1.1" in error.detail


@pytest.mark.parametrize("line", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_w07_a_handshake_has_no_body(line: str) -> None:
    assert refusal(head(line)).status == 400


def test_a_body_of_no_bytes_is_tolerated() -> None:
    assert check(head("Content-Length: 0")) == KEY


@pytest.mark.parametrize(
    "key",
    [
        None,
        "",
        "x",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQAA",
        "dGhlIHNhbXBsZSBub25jZQA=",
        "dGhlIHNhbXBsZSBub25j==ZQ",
        "dGhl IHNhbXBsZSBub25jZ==",
        "dGhlIHNhbXBsZSBub25j_-==",
        "dGhlIHNhbXBsZSBub25jZ\xff==",
        KEY + KEY,
        f"{KEY}, {KEY}",
    ],
)
def test_w07_a_key_that_is_not_16_bytes_in_base64_is_answered_400(key: str | None) -> None:
    assert refusal(head(Sec_WebSocket_Key=key)).status == 400


def test_two_keys_are_answered_400() -> None:
    assert refusal(head(f"sec-websocket-key: {KEY}")).status == 400


@pytest.mark.parametrize("version", [None, "", "8", "12", "14", "013", "13, 8", "13.0", "\xb9\xb3"])
def test_another_version_is_answered_426_with_the_one_that_is_spoken(version: str | None) -> None:
    error = refusal(head(Sec_WebSocket_Version=version))
    assert error.status == 426
    assert error.headers["Sec-WebSocket-Version"] == "13"
    assert error.headers["Upgrade"] == "websocket"


def test_two_versions_are_answered_426() -> None:
    assert refusal(head("Sec-WebSocket-Version: 13")).status == 426


@pytest.mark.parametrize(
    ("upgrade", "connection"), [(None, "Upgrade"), ("websocket", None), ("h2c", "Upgrade")]
)
def test_a_request_that_does_not_ask_for_an_upgrade_is_told_how(
    upgrade: str | None, connection: str | None
) -> None:
    error = refusal(head(Upgrade=upgrade, Connection=connection))
    assert (error.status, error.headers["Upgrade"]) == (426, "websocket")


def test_w07_the_connection_options_may_come_on_several_lines() -> None:
    assert check(head("Connection: keep-alive")) == KEY


def test_a_handshake_without_host_is_refused_by_itself() -> None:
    assert refusal(attrs.evolve(head(), headers=Headers())).status == 400


# W6: high bytes anywhere.


def outcome(fields: dict[str, str], *subprotocols: str) -> Agreement | int:
    """Return the result of the negotiation, or the status of the refusal."""
    try:
        return agree(head(**fields), *subprotocols, compression=Deflate())
    except HandshakeRejected as error:
        return error.status
    except RemoteProtocolError as error:
        return error.answer


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Host", "b\xfccher.example", 400),
        ("Connection", "Upgrade, \xff", Agreement(TOKEN, None, None)),
        ("Upgrade", "\xff, websocket", Agreement(TOKEN, None, None)),
        ("Sec-WebSocket-Key", "\xff" * 22 + "==", 400),
        ("Sec-WebSocket-Version", "13\xff", 426),
        ("Sec-WebSocket-Protocol", "chat\xff", 400),
        ("Sec-WebSocket-Extensions", "permessage-deflate; \xff", Agreement(TOKEN, None, None)),
        ("Origin", "http://\xff", 403),
        ("X-Name", "\xff", Agreement(TOKEN, None, None)),
    ],
)
def test_w06_high_bytes_are_refused_or_taken_as_latin_1(name: str, value: str, expected: object) -> None:
    assert outcome({name: value}) == expected


@given(
    st.dictionaries(
        st.sampled_from([*FIELDS, "Origin", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"]),
        st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=20),
    )
)
def test_no_header_value_leads_to_another_exception(fields: dict[str, str]) -> None:
    result = outcome(fields, "a", "b")
    assert isinstance(result, Agreement) or result in {400, 403, 426}


# Subprotocols (RFC 6455 §4.2.2, §11.3.4).


@pytest.mark.parametrize(
    ("lines", "supported", "chosen"),
    [
        ([], ("a",), None),
        (["a"], (), None),
        (["a"], ("a",), "a"),
        (["b, a"], ("a", "b"), "a"),
        (["b", "a"], ("a", "b"), "a"),
        (["b,\tc"], ("a", "c"), "c"),
        (["b"], ("a", "c"), None),
        (["A"], ("a",), None),
        ([" , b,, "], ("b",), "b"),
        ([""], ("a",), None),
        (["a, a"], ("a",), "a"),
    ],
)
def test_the_first_supported_subprotocol_that_was_offered_is_chosen(
    lines: list[str], supported: tuple[str, ...], chosen: str | None
) -> None:
    request = head(*(f"Sec-WebSocket-Protocol: {line}" for line in lines))
    assert choose_subprotocol(request, supported) == chosen
    assert agree(request, *supported).subprotocol == chosen


def test_the_offered_subprotocols_are_known_in_their_order() -> None:
    request = head("Sec-WebSocket-Protocol: b, a", "Sec-WebSocket-Protocol: C")
    assert offered_subprotocols(request) == ("b", "a", "C")


@pytest.mark.parametrize("line", ["a b", "a/b", '"a"', "a;b", "\xe9", "a, (b)"])
def test_an_offer_that_is_not_a_list_of_tokens_is_answered_400(line: str) -> None:
    request = head(f"Sec-WebSocket-Protocol: {line}")
    for supported in ((), ("a",)):
        with pytest.raises(HandshakeRejected) as caught:
            agree(request, *supported)
        assert caught.value.status == 400


# Origin and compression, as far as they are passed on.


def test_a_page_of_another_origin_is_answered_403() -> None:
    with pytest.raises(HandshakeRejected) as caught:
        agree(head("Origin: https://evil.example"))
    assert caught.value.status == 403


def test_the_host_that_a_proxy_names_is_passed_on() -> None:
    request = head("Origin: https://example.org", Host="10.0.0.1:8000")
    accepted = negotiate_handshake(
        request, origins=None, scheme="https", subprotocols=(), compression=None, host="example.org"
    )
    assert accepted.accept_token == TOKEN


def test_compression_is_agreed_on_when_both_want_it() -> None:
    offer = "Sec-WebSocket-Extensions: permessage-deflate"
    assert agree(head(), compression=Deflate()).deflate is None
    assert agree(head(offer)).deflate is None
    accepted = agree(head(offer), compression=Deflate())
    assert accepted.deflate is not None
    line = f"\r\nSec-WebSocket-Extensions: {accepted.deflate.header_value}\r\n".encode()
    assert accepted.deflate.header_value.startswith("permessage-deflate")
    assert line in encode_accept(accepted, [])


@pytest.mark.parametrize("padding", ["", " " * 300], ids=["usual", "long"])
def test_of_several_offers_the_first_that_can_be_accepted_is_taken(padding: str) -> None:
    unknown = "Sec-WebSocket-Extensions: x-unknown"
    known = f"Sec-WebSocket-Extensions:{padding}permessage-deflate; server_no_context_takeover;{padding}x"
    good = f"Sec-WebSocket-Extensions: permessage-deflate;{padding} server_no_context_takeover"
    assert agree(head(unknown), compression=Deflate()).deflate is None
    assert agree(head(known), compression=Deflate()).deflate is None
    for lines in ([good], [unknown, good], [good, unknown], [unknown, known, good]):
        for settings in (Deflate(), Deflate(level=9)):
            deflate = agree(head(*lines), compression=settings).deflate
            assert deflate is not None
            assert (deflate.server_no_context_takeover, deflate.level) == (True, settings.level)
    assert agree(head(good)).deflate is None


# The response (RFC 6455 §4.2.2 item 5).


def test_the_response_is_the_one_of_the_rfc() -> None:
    assert encode_accept(Agreement(TOKEN, "chat", None), []) == (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        b"Sec-WebSocket-Protocol: chat\r\n"
        b"\r\n"
    )


def test_more_fields_follow_in_their_order() -> None:
    fields = [("Set-Cookie", "a=b"), ("set-cookie", "c=\xe9"), ("X", "")]
    answer = encode_accept(Agreement(TOKEN, None, None), fields)
    assert answer.endswith(TOKEN.encode() + b"\r\nSet-Cookie: a=b\r\nset-cookie: c=\xe9\r\nX: \r\n\r\n")


@pytest.mark.parametrize(
    "name",
    [
        "Upgrade",
        "connection",
        "Content-Length",
        "TRANSFER-ENCODING",
        "Sec-WebSocket-Accept",
        "sec-websocket-protocol",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Version",
    ],
)
def test_a_field_of_the_handshake_itself_cannot_be_added(name: str) -> None:
    with pytest.raises(LocalProtocolError, match=name):
        encode_accept(Agreement(TOKEN, None, None), [(name, "x")])


@pytest.mark.parametrize("field", [("A", "b\r\nC: d"), ("A:", "b"), ("A", "\u20ac"), ("", "b")])
def test_a_field_that_would_break_the_response_cannot_be_added(field: tuple[str, str]) -> None:
    with pytest.raises(LocalProtocolError):
        encode_accept(Agreement(TOKEN, None, None), [field])


@pytest.mark.parametrize("subprotocol", ["", "a b", "a\r\nB: c", "\xe9"])
def test_a_subprotocol_that_is_not_a_token_is_not_sent(subprotocol: str) -> None:
    with pytest.raises(LocalProtocolError):
        encode_accept(Agreement(TOKEN, subprotocol, None), [])
