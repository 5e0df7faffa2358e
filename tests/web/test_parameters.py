from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._web.parameters import charset_of, media_type_of, split_parameters


@pytest.mark.parametrize(
    ("text", "first", "parameters"),
    [
        ("", "", {}),
        ("Text/HTML", "text/html", {}),
        ("a/b; charset=UTF-8", "a/b", {"charset": "UTF-8"}),
        ("a/b;X=1;; ; y = 2 ;", "a/b", {"x": "1", "y": "2"}),
        ('form-data; name="a; b=\\"c\\\\"', "form-data", {"name": 'a; b="c\\'}),
        ('form-data; name="x"; filename=""', "form-data", {"name": "x", "filename": ""}),
        # RFC 2046 §5.1.1: a boundary may contain characters that a token may not.
        ("m/f; boundary==_a:b?", "m/f", {"boundary": "=_a:b?"}),
        ('m/f; boundary="a b"', "m/f", {"boundary": "a b"}),
        # What browsers send for a backslash in a name (HTML §4.10.21.8).
        ('form-data; name="a\\"', "form-data", {"name": "a\\"}),
        ('form-data; name="C:\\dir\\x.txt"', "form-data", {"name": "C:\\dir\\x.txt"}),
    ],
)
def test_parameters_are_read(text: str, first: str, parameters: dict[str, str]) -> None:
    assert split_parameters(text) == (first, parameters)


@pytest.mark.parametrize(
    "text",
    [
        "a; b",
        "a; b=",
        "a; =b",
        'a; b="c',
        'a; b="c"d',
        "a; b=c d",
        'a; b="c" "d"',
        "a; b=1; B=2",
        'form-data; name="a"; name="b"',
    ],
)
def test_ambiguous_and_malformed_parameters_are_refused(text: str) -> None:
    assert split_parameters(text) is None


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255), max_size=60))
def test_any_value_in_quotes_comes_back(value: str) -> None:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert split_parameters(f'x; name="{quoted}"') == ("x", {"name": value})


@given(st.text(alphabet=' \t;="\\ab', max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    split_parameters(text)


@pytest.mark.parametrize("text", [";" * 100_000, "; " * 50_000, ';a="' + "\\" * 99_999, "a" + " " * 100_000])
def test_long_hostile_text_is_parsed_quickly(text: str) -> None:
    started = time.perf_counter()
    split_parameters(f"x;{text}")
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    ("content_type", "kind", "charset"),
    [
        ("", "", None),
        ("text/plain", "text/plain", None),
        (" Text/Plain ;x=1", "text/plain", None),
        ("text/plain; Charset=UTF-8", "text/plain", "UTF-8"),
        ('text/plain; x=";"; charset="latin1"', "text/plain", "latin1"),
        ("text/plain; charset=a; charset=b", "text/plain", None),
    ],
)
def test_a_content_type_has_a_kind_and_perhaps_a_charset(
    content_type: str, kind: str, charset: str | None
) -> None:
    assert (media_type_of(content_type), charset_of(content_type)) == (kind, charset)
