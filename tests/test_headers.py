"""Header fields: names in any case, repeated lines, and illegal values."""

from __future__ import annotations

import pytest

from trioweb import LocalProtocolError
from trioweb.headers import Headers, MutableHeaders, is_token

FIELDS = [("Accept", "a"), ("X-One", "1"), ("ACCEPT", "b"), ("Set-Cookie", "a=1"), ("set-cookie", "b=2")]


def test_names_match_in_any_case():
    headers = Headers(FIELDS)
    assert headers["x-ONE"] == headers.get("x-one") == "1"
    assert "ACCEPT" in headers
    assert "missing" not in headers
    assert 5 not in headers
    with pytest.raises(KeyError, match="missing"):
        headers["missing"]


def test_a_repeated_field_is_joined_except_cookies():
    headers = Headers(FIELDS)
    assert headers["accept"] == "a, b"
    assert headers["set-cookie"] == "a=1"
    assert headers.get_all("Set-Cookie") == ["a=1", "b=2"]


def test_headers_are_a_mapping_of_names_that_keeps_the_lines():
    headers = Headers(FIELDS)
    assert len(headers) == 3
    assert dict(headers) == {"accept": "a, b", "x-one": "1", "set-cookie": "a=1"}
    assert headers.lines() == FIELDS
    assert repr(Headers({"A": "b"})) == "Headers([('A', 'b')])"


def test_a_comma_separated_list_is_read_across_lines_without_its_empty_members():
    headers = Headers([("Connection", "Upgrade ,, Keep-Alive"), ("connection", "\tX ,")])
    assert headers.tokens("connection") == ["upgrade", "keep-alive", "x"]
    assert headers.tokens("missing") == []


def test_setting_replaces_adding_does_not_and_deleting_takes_every_line():
    headers = MutableHeaders(FIELDS)
    headers["accept"] = "c"
    headers.add("X-One", "2")
    assert headers.get_all("Accept") == ["c"]
    assert headers.get_all("x-one") == ["1", "2"]
    assert (headers.setdefault("accept", "d"), headers.setdefault("new", "e")) == ("c", "e")
    del headers["SET-COOKIE"]
    assert "set-cookie" not in headers
    with pytest.raises(KeyError):
        del headers["set-cookie"]


@pytest.mark.parametrize("name", ["", "a b", "a:", "é", "a\r\n"])
def test_a_name_is_a_token(name):
    assert not is_token(name)
    with pytest.raises(LocalProtocolError, match="is not a header name"):
        MutableHeaders({name: "x"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\r\nSet-Cookie: b", "control character"),
        ("a\nb", "control character"),
        ("a\0", "control character"),
        ("\x7f", "control character"),
        ("€", "latin-1"),
        (5, "must be a str, not int"),
        (None, "must be a str, not NoneType"),
    ],
)
def test_a_value_that_would_break_its_line_is_refused(value, expected):
    headers = MutableHeaders()
    for put in (headers.__setitem__, headers.add, headers.setdefault):
        with pytest.raises(LocalProtocolError, match=expected):
            put("X-Name", value)
    assert not headers


def test_a_value_may_contain_tabs_and_latin_1():
    assert MutableHeaders({"X": "a\té"})["x"] == "a\té"
