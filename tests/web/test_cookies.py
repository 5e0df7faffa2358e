from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._web.cookies import parse_cookies
from trioweb._web.response import Response
from trioweb.errors import LocalProtocolError


def cookie_line(name: str, value: str, **attributes: Any) -> str:
    response = Response()
    response.set_cookie(name, value, **attributes)
    return response.headers["set-cookie"]


def test_pairs_of_all_cookie_lines_are_read() -> None:
    assert parse_cookies(["a=1; b=2", "c=3"]) == {"a": "1", "b": "2", "c": "3"}


def test_of_two_cookies_with_one_name_the_first_counts() -> None:
    assert parse_cookies(["a=deep; a=shallow"]) == {"a": "deep"}


@pytest.mark.parametrize(
    ("line", "cookies"),
    [
        ("", {}),
        (";;; ;", {}),
        ("novalue; a=1", {"a": "1"}),
        ("=1; a=1", {"a": "1"}),
        ("b c=1;a=1", {"a": "1"}),
        ('a="quoted; b=2', {"a": '"quoted', "b": "2"}),
        ('a="x y"', {"a": "x y"}),
        ('a="', {"a": '"'}),
        ('a=""', {"a": ""}),
        ("a=1=2", {"a": "1=2"}),
        (" a\t=\t1 ;b=", {"a": "1", "b": ""}),
        ("a=Ã¼", {"a": "ü"}),
        ("a=\xff", {"a": "\xff"}),
    ],
)
def test_odd_cookie_lines_are_read_leniently(line: str, cookies: dict[str, str]) -> None:
    assert parse_cookies([line]) == cookies


@given(st.lists(st.text(max_size=100), max_size=4))
def test_any_cookie_lines_can_be_read(lines: list[str]) -> None:
    assert all("=" not in name for name in parse_cookies(lines))


_NAMES = st.text(alphabet="abcXYZ019-_.!", min_size=1, max_size=20)
_VALUES = st.text(
    alphabet=st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='",;\\'), max_size=40
)


@given(_NAMES, _VALUES)
def test_a_cookie_that_was_set_comes_back(name: str, value: str) -> None:
    pair = cookie_line(name, value).partition(";")[0]
    assert parse_cookies([pair]) == {name: value}


def test_a_cookie_is_safe_by_default() -> None:
    assert cookie_line("session", "abc") == "session=abc; Path=/; HttpOnly; SameSite=Lax"


def test_a_cookie_carries_every_attribute() -> None:
    line = cookie_line(
        "session",
        "abc",
        max_age_seconds=60,
        expires=datetime(2030, 1, 2, 4, 4, 5, tzinfo=timezone(timedelta(hours=1))),
        path="/shop",
        domain="example.org",
        secure=True,
        http_only=False,
        same_site="None",
        partitioned=True,
    )
    assert line == (
        "session=abc; Max-Age=60; Expires=Wed, 02 Jan 2030 03:04:05 GMT; Path=/shop; "
        "Domain=example.org; Secure; Partitioned; SameSite=None"
    )


def test_several_cookies_go_out_as_several_lines() -> None:
    response = Response()
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    assert len(response.headers.get_all("set-cookie")) == 2


def test_a_deleted_cookie_ends_at_once_with_the_attributes_it_was_set_with() -> None:
    response = Response()
    response.delete_cookie("__Host-session", secure=True, same_site="Strict")
    assert (
        response.headers["set-cookie"]
        == "__Host-session=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict"
    )


@pytest.mark.parametrize(
    ("name", "value", "attributes", "complaint"),
    [
        ("a b", "1", {}, "not a cookie's name"),
        ("", "1", {}, "not a cookie's name"),
        ("a", "1;2", {}, "urllib.parse.quote"),
        ("a", "1\r\nX: y", {}, "urllib.parse.quote"),
        ("a", "1\n", {}, "urllib.parse.quote"),
        ("a", "ü", {}, "urllib.parse.quote"),
        ("a", "x" * 4096, {}, "4096 bytes"),
        ("a", "1", {"path": "/; Domain=evil"}, "a path starts with /"),
        ("a", "1", {"path": "shop"}, "a path starts with /"),
        ("a", "1", {"path": "/\n"}, "a path starts with /"),
        ("a", "1", {"domain": "x;y"}, "not a domain"),
        ("a", "1", {"path": "/" + "x" * 1024}, "at most 1024"),
        ("a", "1", {"domain": ""}, "not a domain"),
        ("a", "1", {"domain": "example.org:8000"}, "without a port"),
        ("a", "1", {"domain": "https://example.org"}, "not a domain"),
        ("a", "1", {"domain": "example.org, evil.example"}, "not a domain"),
        ("a", "1", {"domain": "a." * 200 + "org"}, "not a domain"),
        ("a", "1", {"same_site": "lax; Domain=evil"}, "same_site takes"),
        ("a", "1", {"same_site": "None"}, "need secure=True"),
        ("a", "1", {"partitioned": True}, "need secure=True"),
        ("a", "1", {"expires": datetime(2030, 1, 1)}, "time zone"),  # noqa: DTZ001
        ("__Secure-a", "1", {}, "prefix needs secure=True"),
        ("__host-a", "1", {"secure": True, "path": "/x"}, 'path="/" and no domain'),
        ("__Host-a", "1", {"secure": True, "domain": "example.org"}, 'path="/" and no domain'),
    ],
)
def test_a_cookie_that_cannot_work_is_refused_where_it_is_set(
    name: str, value: str, attributes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(LocalProtocolError, match=complaint):
        cookie_line(name, value, **attributes)


@pytest.mark.parametrize(
    "domain", ["example.org", ".example.org", "localhost", "a_b.example", "xn--bcher-kva.example"]
)
def test_a_domain_is_the_name_of_a_host(domain: str) -> None:
    assert f"; Domain={domain};" in cookie_line("a", "1", domain=domain)


def test_an_expiry_in_utc_is_used_as_it_is() -> None:
    assert "Expires=Tue, 01 Jan 2030 00:00:00 GMT" in cookie_line(
        "a", "1", expires=datetime(2030, 1, 1, tzinfo=UTC)
    )


def test_cookies_after_the_256th_are_not_read() -> None:
    lines = ["; ".join(f"a{number}=1" for number in range(300)), "b=1"]
    assert list(parse_cookies(lines)) == [f"a{number}" for number in range(256)]
