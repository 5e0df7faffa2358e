from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._web.query import FIELDS, Query
from trioweb.errors import HTTPError


def test_percent_and_plus_are_decoded_as_utf_8() -> None:
    query = Query("name=J%C3%BCrgen+M&a%20b=%2B")
    assert dict(query) == {"name": "Jürgen M", "a b": "+"}
    assert len(query) == 2
    assert repr(query) == "Query({'name': ['Jürgen M'], 'a b': ['+']})"


def test_the_first_of_several_values_is_given_and_get_all_gives_each() -> None:
    query = Query("tag=a&tag=b&&tag=")
    assert query["tag"] == "a"
    assert query.get_all("tag") == ["a", "b", ""]
    assert query.get_all("other") == []
    assert query.get("other") is None


def test_a_field_without_equals_sign_is_empty_and_further_ones_belong_to_the_value() -> None:
    assert dict(Query("flag&sum=1=2&=x")) == {"flag": "", "sum": "1=2", "": "x"}


def test_raw_utf_8_that_came_as_latin_1_is_text() -> None:
    assert Query("q=ü".encode().decode("latin-1"))["q"] == "ü"


@pytest.mark.parametrize(
    ("text", "value"), [("%FF", "\ufffd"), ("%zz", "%zz"), ("%", "%"), ("%ED%A0%80", "\ufffd" * 3)]
)
def test_bad_escapes_are_odd_text(text: str, value: str) -> None:
    assert Query(f"q={text}")["q"] == value


def test_changing_a_returned_list_does_not_change_the_query() -> None:
    query = Query("a=1")
    query.get_all("a").append("2")
    assert query.get_all("a") == ["1"]


def test_too_many_fields_are_refused_with_400() -> None:
    assert len(Query("&".join(f"f{n}=" for n in range(FIELDS)))) == FIELDS
    with pytest.raises(HTTPError, match=r"more than 1000 fields \(a fixed limit\)") as caught:
        Query("&" * FIELDS)
    assert caught.value.status == 400


@given(st.text(alphabet=st.characters(max_codepoint=0x2FF), max_size=200))
def test_any_query_can_be_read(text: str) -> None:
    for name, value in Query(text).items():
        assert isinstance(name, str)
        value.encode()


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=20))
def test_an_encoded_form_is_read_back(fields: list[tuple[str, str]]) -> None:
    clean = [
        (name.encode("utf-8", "replace").decode(), value.encode("utf-8", "replace").decode())
        for name, value in fields
    ]
    query = Query(urlencode(clean))
    assert [(name, value) for name in query for value in query.get_all(name)] == sorted(
        clean, key=lambda field: [name for name, _ in clean].index(field[0])
    )
