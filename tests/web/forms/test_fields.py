from __future__ import annotations

import enum
import math
import uuid
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._web.forms.fields import Fields
from trioweb._web.forms.form import Form
from trioweb._web.query import Query
from trioweb.errors import HTTPError


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 10


class AnyCase(enum.Enum):
    YES = "yes"

    @classmethod
    def _missing_(cls, value: object) -> AnyCase | None:
        return cls.YES if value == "YES" else None


def complaint(fields: Fields, *arguments, **options) -> str:
    with pytest.raises(HTTPError) as caught:
        fields.read(*arguments, **options)
    assert caught.value.status == 400
    return caught.value.detail


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("7", int, 7),
        (" -7 ", int, -7),
        ("+007", int, 7),
        ("2.5e3", float, 2500.0),
        ("on", bool, True),
        ("TRUE", bool, True),
        ("1", bool, True),
        ("off", bool, False),
        ("No", bool, False),
        ("0", bool, False),
        ("", str, ""),
        ("red", Colour, Colour.RED),
        ("10", Size, Size.LARGE),
        ("YES", AnyCase, AnyCase.YES),
        ("1.10", Decimal, Decimal("1.10")),
        ("2024-02-29", date.fromisoformat, date(2024, 2, 29)),
        ("", str.strip, ""),
    ],
)
def test_a_value_is_converted_to_the_requested_kind(text, kind, value) -> None:
    read = Fields([("f", text)]).read("f", kind)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("x", int, "a whole number"),
        ("1_000", int, "a whole number"),
        ("٣", int, "a whole number"),
        ("1.5", int, "a whole number"),
        ("9" * 5000, int, "a whole number"),
        ("nan", float, "a number"),
        ("inf", float, "a number"),
        ("1_0", float, "a number"),
        ("٣", float, "a number"),
        ("maybe", bool, "on or off"),
        ("green", Colour, "one of red, blue"),
        ("2", Size, "one of 1, 10"),
        ("SMALL", Size, "one of 1, 10"),
        ("x", Decimal, "Decimal"),
        ("x", uuid.UUID, "UUID"),
        ("x", date.fromisoformat, "another value"),
        ("x", {"a": 1}.__getitem__, "another value"),
    ],
)
def test_a_value_that_does_not_fit_is_400_that_says_what_was_expected(text, kind, expected) -> None:
    detail = complaint(Form([("f", text)]), "f", kind)
    assert detail.startswith("the field 'f' of the form is '")
    assert detail.endswith(f": expected {expected}")
    assert len(detail) < 150


def test_a_missing_field_is_400_unless_there_is_a_default() -> None:
    assert complaint(Query("a=1"), "page", int) == (
        "the field 'page' of the query is missing: expected a whole number"
    )
    assert complaint(Fields(), "q") == "the field 'q' of the request is missing"
    assert Query("").read("page", int, default=1) == 1
    assert Query("").read("page", int, default=None) is None
    assert Query("").read("q", default="all") == "all"


def test_a_blank_input_counts_as_missing_where_blank_text_makes_no_sense() -> None:
    fields = Fields([("age", ""), ("weight", "  "), ("name", "")])
    assert fields.read("age", int, default=None) is None
    assert fields.read("weight", float, default=0.5) == 0.5
    assert fields.read("name", default="nobody") == ""
    assert "missing" in complaint(fields, "age", int)


def test_the_first_value_counts_and_all_can_be_read() -> None:
    query = Query("n=1&n=2&n=&n=3&name=")
    assert query.read("n", int) == 1
    assert query.read_all("n", int) == [1, 2, 3]
    assert query.read_all("n") == ["1", "2", "", "3"]
    assert query.read_all("other", int) == []
    with pytest.raises(HTTPError, match="of the query is 'x': expected a whole number"):
        Query("n=1&n=x").read_all("n", int)


def test_a_bug_of_the_program_is_not_a_mistake_of_the_client() -> None:
    def broken(text: str) -> int:
        return len(text) + text  # type: ignore[operator]

    with pytest.raises(TypeError):
        Fields([("f", "x")]).read("f", broken)


def test_anything_that_can_be_called_is_a_kind() -> None:
    @dataclass
    class Upto:
        most: int

        def __call__(self, text: str) -> int:
            if int(text) > self.most:
                raise ValueError(text)
            return int(text)

    fields = Fields([("n", "7")])
    assert fields.read("n", Upto(7)) == 7
    assert complaint(fields, "n", Upto(6)).endswith("is '7': expected another value")


@given(st.integers())
def test_every_whole_number_is_read_back(number: int) -> None:
    assert Fields([("n", str(number))]).read("n", int) == number


@given(st.text(max_size=30), st.sampled_from([int, float, bool, Colour, Size]))
def test_any_text_is_a_value_or_400(text: str, kind) -> None:
    try:
        value = Fields([("f", text)]).read("f", kind)
    except HTTPError as error:
        assert error.status == 400  # noqa: PT017 - either way is good
    else:
        assert not isinstance(value, float) or math.isfinite(value)


def test_a_blank_choice_counts_as_missing() -> None:
    assert Query("size=&size=1").read_all("size", Size) == [Size.SMALL]
    assert Query("size=").read("size", Size, default=None) is None


def test_fields_are_a_mapping_that_raises_key_errors() -> None:
    fields = Fields([("a", "1"), ("b", "2"), ("a", "3")])
    assert dict(fields) == {"a": "1", "b": "2"}
    assert fields.get_all("a") == ["1", "3"]
    assert fields.get("c") is None
    assert repr(fields) == "Fields({'a': ['1', '3'], 'b': ['2']})"
    with pytest.raises(KeyError):
        fields["c"]
