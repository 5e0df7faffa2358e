"""The forms of a request target, from raw requests."""

from __future__ import annotations

import pytest

from trioweb._wire.http1.wire import Http1Wire, RequestHead
from trioweb.errors import RemoteProtocolError


def read(method: str, target: str) -> RequestHead:
    wire = Http1Wire(head_bytes=1024)
    wire.feed(f"{method} {target} HTTP/1.1\r\nX: y\r\nHost: field.example\r\n\r\n".encode())
    head = wire.next_event()
    assert isinstance(head, RequestHead)
    return head


@pytest.mark.parametrize(
    ("target", "raw_path", "query_string"),
    [
        ("/", "/", ""),
        ("/a/b", "/a/b", ""),
        ("/a%2Fb%20c", "/a%2Fb%20c", ""),
        ("/a?b=c&d", "/a", "b=c&d"),
        ("/a?b?c/d", "/a", "b?c/d"),
        ("/?", "/", ""),
        ("//double//", "//double//", ""),
        ("/*", "/*", ""),
        ("/a:b@c", "/a:b@c", ""),
        ('/{a}|"b"^`', '/{a}|"b"^`', ""),
    ],
)
def test_a_path_is_split_at_the_first_question_mark_and_not_decoded(
    target: str, raw_path: str, query_string: str
) -> None:
    head = read("GET", target)
    assert (head.target, head.raw_path, head.query_string) == (target, raw_path, query_string)
    assert head.headers["host"] == "field.example"


@pytest.mark.parametrize(
    ("target", "raw_path", "query_string", "host"),
    [
        ("http://example.org", "/", "", "example.org"),
        ("http://example.org/", "/", "", "example.org"),
        ("HTTPS://example.org:8443/a?b", "/a", "b", "example.org:8443"),
        ("http://example.org?b", "/", "b", "example.org"),
        ("http://[::1]:80/a/b", "/a/b", "", "[::1]:80"),
    ],
)
def test_of_an_absolute_target_the_path_is_taken_and_its_host_counts(
    target: str, raw_path: str, query_string: str, host: str
) -> None:
    head = read("GET", target)
    assert (head.raw_path, head.query_string) == (raw_path, query_string)
    assert head.headers.lines() == [("Host", host), ("X", "y")]


@pytest.mark.parametrize(
    "target",
    [
        "a",
        "example.org:80",
        "?a",
        "*",
        "**",
        "/a#b",
        "http://a/#b",
        "http:///a",
        "http://:80/",
        "http://u@a/",
        "http://a b/",
        "http://a\\b/",
        "http:/a",
        "ftp://a/",
        "ws://a/",
        "javascript:alert(1)",
    ],
)
def test_any_other_form_is_answered_400(target: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read("GET", target)
    assert caught.value.status == 400


def test_the_asterisk_is_for_options() -> None:
    head = read("OPTIONS", "*")
    assert (head.target, head.raw_path, head.query_string) == ("*", "*", "")


@pytest.mark.parametrize("target", ["example.org:443", "/", "*"])
def test_connect_is_answered_501(target: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read("CONNECT", target)
    assert caught.value.status == 501
