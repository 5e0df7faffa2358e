"""Redirects of a handshake: which answers are one, and what is not sent on."""

from __future__ import annotations

import pytest

from trioweb import HandshakeRejected
from trioweb._wire.redirects import headers_for, redirected
from trioweb._wire.websocket_url import parse_url
from trioweb.errors import BadHandshake

URL = parse_url("wss://ann:secret@a/b")


def answer(status: int, *locations: str) -> HandshakeRejected:
    return HandshakeRejected(status, "X", [("Location", one) for one in locations], body=b"")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_an_answer_with_a_location_leads_on(status):
    assert redirected(URL, answer(status, "/c")) == parse_url("wss://ann:secret@a/c")
    assert redirected(URL, answer(status, "https://b/c")) == parse_url("wss://b/c")


@pytest.mark.parametrize(
    "one",
    [
        answer(300, "/c"),
        answer(304, "/c"),
        answer(305, "/c"),
        answer(200, "/c"),
        answer(302),
        answer(302, "/c", "/d"),
    ],
)
def test_another_answer_does_not(one):
    assert redirected(URL, one) is None


def test_a_redirect_without_tls_is_not_followed():
    with pytest.raises(BadHandshake, match="from wss to ws is never followed"):
        redirected(URL, answer(302, "http://a/b"))


HEADERS = [
    ("Cookie", "a=b"),
    ("authorization", "Bearer x"),
    ("Proxy-Authorization", "Basic x"),
    ("Host", "internal"),
    ("Origin", "https://a"),
    ("X-Own", "1"),
    ("X-Own", "2"),
]


@pytest.mark.parametrize("target", ["wss://a/c", "wss://A:443/c"])
def test_all_headers_are_sent_on_within_an_origin(target):
    assert headers_for(URL, parse_url(target), HEADERS).lines() == HEADERS


@pytest.mark.parametrize("target", ["wss://b/", "wss://a:444/", "wss://sub.a/", "ws+unix:///a:/"])
def test_credentials_are_not_sent_to_another_origin(target):
    assert headers_for(URL, parse_url(target), HEADERS).lines() == HEADERS[4:]


def test_headers_may_be_a_mapping():
    assert headers_for(URL, URL, {"X-Own": "1"}).lines() == [("X-Own", "1")]
