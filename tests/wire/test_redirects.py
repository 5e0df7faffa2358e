"""Redirects of a handshake: which answers are one, and what is not sent on."""

from __future__ import annotations

import pytest

from trioweb import HandshakeRejected
from trioweb._wire.redirects import headers_for, redirected, resolve
from trioweb._wire.websocket_url import parse_url
from trioweb.errors import BadHandshake

ANN, BOB = "Basic YW5uOnNlY3JldA==", "Basic Ym9iOjE="
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
def test_any_other_answer_is_not_a_redirect(one):
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


# Locations.


@pytest.mark.parametrize(
    ("base", "location", "expected"),
    [
        ("ws://a/b/c?d", "/x?y", "ws://a/x?y"),
        ("ws://a/b/c?d", "x", "ws://a/b/x"),
        ("ws://a/b/c?d", "../x", "ws://a/x"),
        ("ws://a/b/c?d", "?x", "ws://a/b/c?x"),
        ("ws://a/b/c?d", "", "ws://a/b/c?d"),
        ("ws://a/b/c?d", "#top", "ws://a/b/c?d"),
        ("ws://a/b", "/x#top", "ws://a/x"),
        ("ws://a:81/b", "//c/x", "ws://c/x"),
        ("wss://a/b", "//c", "wss://c/"),
        ("ws://a/b", "http://c/x", "ws://c/x"),
        ("ws://a/b", "HTTPS://c:444/x", "wss://c:444/x"),
        ("ws://a/b", "ws://c", "ws://c/"),
        ("wss://a/b", "wss://c/?x", "wss://c/?x"),
        ("wss://a/b", "https://a/x", "wss://a/x"),
        ("ws://a/b", "/\xc3\xa9", "ws://a/%C3%A9"),  # UTF-8, read as latin-1
        ("ws://a/b", "/\xe9", "ws://a/%C3%A9"),
        ("ws://a/b", "//b\xc3\xbccher.example/", "ws://xn--bcher-kva.example/"),
        ("ws://[fe80::1%25eth0]/b", "/x", "ws://[fe80::1%25eth0]/x"),
        ("ws+unix:///a.sock:/b", "/x", "ws+unix:///a.sock:/x"),
        ("ws+unix:///a.sock:/b", "http://localhost/x", "ws+unix:///a.sock:/x"),
        ("ws+unix:///a.sock:/b", "https://localhost/x", "wss://localhost/x"),
        ("ws+unix:///a.sock:/b", "http://c/x", "ws://c/x"),
    ],
)
def test_a_redirect_leads_to_the_url_that_its_location_means(base, location, expected):
    assert resolve(parse_url(base), location) == parse_url(expected)


@pytest.mark.parametrize(
    ("base", "location", "problem"),
    [
        ("wss://a/b", "ws://a/b", "from wss to ws is never followed"),
        ("wss://a/b", "http://a/b", "from wss to ws is never followed"),
        ("ws://a/b", "ws+unix:///run/docker.sock:/", "not the URL of a WebSocket on the network"),
        ("ws+unix:///a.sock:/b", "ws+unix:///b.sock:/", "not the URL of a WebSocket on the network"),
        ("ws://a/b", "file:///etc/passwd", "not the URL of a WebSocket on the network"),
        ("ws://a/b", "http:", "does not have a host"),
        ("ws://a/b", "///x", "does not have a host"),
        ("ws://a/b", "http://c:x/", "not a name, an IPv4 address"),
        ("ws://a/b", "/x y", "which is not a URL"),
        ("ws://a/b", "/x\ty", "which is not a URL"),
        ("ws://a/b", "\\\\c\\x", "which is not a URL"),
    ],
)
def test_a_redirect_that_leads_astray_is_the_servers_fault(base, location, problem):
    with pytest.raises(BadHandshake) as caught:
        resolve(parse_url(base), location)

    assert problem in str(caught.value)
    assert caught.value.phase == "handshake"


@pytest.mark.parametrize(
    ("location", "keeps"),
    [
        ("/x", True),
        ("ws://a/x", True),
        ("http://a:80/x", True),
        ("wss://a/x", False),
        ("ws://a:81/x", False),
        ("ws://b/x", False),
        ("//sub.a/x", False),
    ],
)
def test_the_user_of_a_url_follows_a_redirect_within_its_origin_only(location, keeps):
    url = resolve(parse_url("ws://ann:secret@a/b"), location)

    assert url.authorization == (ANN if keeps else None)


def test_a_location_may_have_a_user_of_its_own():
    assert resolve(parse_url("ws://ann:secret@a/"), "ws://bob:1@a/").authorization == BOB
    assert resolve(parse_url("ws://a/"), "ws://bob:1@b/").authorization == BOB


# RFC 3986 §5.4, as far as the results are on the same host.
REFERENCES = {
    "g": "/b/c/g", "./g": "/b/c/g", "g/": "/b/c/g/", "/g": "/g", "?y": "/b/c/d;p?y", "g?y": "/b/c/g?y",
    "#s": "/b/c/d;p?q", "g#s": "/b/c/g", "g?y#s": "/b/c/g?y", ";x": "/b/c/;x", "g;x": "/b/c/g;x",
    "g;x?y#s": "/b/c/g;x?y", "": "/b/c/d;p?q", ".": "/b/c/", "./": "/b/c/", "..": "/b/", "../": "/b/",
    "../g": "/b/g", "../..": "/", "../../": "/", "../../g": "/g", "../../../g": "/g", "/./g": "/g",
    "/../g": "/g", "g.": "/b/c/g.", ".g": "/b/c/.g", "g..": "/b/c/g..", "..g": "/b/c/..g", "./../g": "/b/g",
    "./g/.": "/b/c/g/", "g/./h": "/b/c/g/h", "g/../h": "/b/c/h", "g;x=1/./y": "/b/c/g;x=1/y",
    "g;x=1/../y": "/b/c/y", "g?y/./x": "/b/c/g?y/./x", "g?y/../x": "/b/c/g?y/../x",
}  # fmt: skip


@pytest.mark.parametrize("location", REFERENCES)
def test_rfc_3986_5_4_a_relative_location_is_resolved_as_any_reference(location):
    assert resolve(parse_url("ws://a/b/c/d;p?q"), location).target == REFERENCES[location]


def test_a_path_of_two_slashes_is_not_taken_for_a_host():
    assert resolve(parse_url("ws://a//b/c"), "x").target == "//b/x"
    assert resolve(parse_url("ws://a//b"), "x").target == "//x"
