from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._web.forwarded import Hop, parse_forwarded, parse_x_forwarded


@pytest.mark.parametrize(
    ("text", "hops"),
    [
        ("", []),
        ("for=192.0.2.1", [Hop("192.0.2.1")]),
        ('For="[2001:db8::1]:80"; Proto=https ;HOST="a:1"', None),
        ('For="[2001:db8::1]:80";Proto=https;HOST="a:1"', [Hop("[2001:db8::1]:80", "https", "a:1")]),
        ("for=a, for=b,for=c", [Hop("a"), Hop("b"), Hop("c")]),
        ('for="a,b;\\"c"', [Hop('a,b;"c')]),
        ("by=x;for=a", [Hop("a")]),
        ("for=_hidden, proto=http", [Hop("_hidden"), Hop(scheme="http")]),
        # A pair may be missing, between two semicolons as at the end (RFC 7239 §4).
        ("for=a;", [Hop("a")]),
        (";for=a;;proto=http ; ", [Hop("a", "http")]),
        ("for=a;, ;for=b", [Hop("a"), Hop("b")]),
        # Members of a list may be empty (RFC 9110 §5.6.1.2).
        (",for=a", [Hop("a")]),
        ("for=a, ,,for=b,", [Hop("a"), Hop("b")]),
        (" , ;", []),
        ("secret=1", [Hop()]),
    ],
)
def test_the_field_is_a_list_of_hops(text: str, hops: list[Hop] | None) -> None:
    assert parse_forwarded(text) == (hops if hops is not None else [Hop("[2001:db8::1]:80", "https", "a:1")])


@pytest.mark.parametrize(
    "text",
    [
        "for",
        "for=",
        "=a",
        "for=a b",
        'for="a',
        'for="a"b',
        "for=a;for=b",
        "for=[::1]",
        "for=a; proto=http;for=b",
        "for=a proto=http",
        "for=a:80",
        "for=a,=",
        "for = a",
        'for="' + '\\"' * 5000,
    ],
)
def test_a_field_that_breaks_the_grammar_is_not_believed(text: str) -> None:
    assert parse_forwarded(text) is None


@given(st.text(alphabet='for=prto;,"\\ a1[]:', max_size=200) | st.text(max_size=50))
def test_any_field_can_be_read(text: str) -> None:
    hops = parse_forwarded(text)
    assert hops is None or all(isinstance(hop, Hop) for hop in hops)


@pytest.mark.parametrize(
    ("fields", "hops"),
    [
        (("a, b", "", ""), [Hop("a"), Hop("b")]),
        (("a, b", "https, http", "x,y"), [Hop("a", "https", "x"), Hop("b", "http", "y")]),
        (("a, b", "https", "x"), [Hop("a", "https", "x"), Hop("b", "https", "x")]),
        (("a", "bad, https", "bad, x"), [Hop("a", "https", "x")]),
        (("", "https", ""), [Hop("", "https", "")]),
        (("a, ", "", ""), [Hop("a"), Hop("unknown")]),
        ((",", "", ""), [Hop("unknown"), Hop("unknown")]),
    ],
)
def test_the_x_forwarded_fields_are_combined(fields: tuple[str, str, str], hops: list[Hop]) -> None:
    assert parse_x_forwarded(*fields) == hops
