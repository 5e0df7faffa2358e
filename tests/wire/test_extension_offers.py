"""The grammar of the offered extensions; a line that breaks it offers nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._wire.extension_offers import Offer, parse_offers


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], []),
        ([""], []),
        ([" , ,"], []),
        (["deflate-frame"], [Offer("deflate-frame", ())]),
        (["a, b"], [Offer("a", ()), Offer("b", ())]),
        (["a", "b,"], [Offer("a", ()), Offer("b", ())]),
        (["a;x;y=1"], [Offer("a", (("x", None), ("y", "1")))]),
        ([" a ; x = 1\t;y ,b "], [Offer("a", (("x", "1"), ("y", None))), Offer("b", ())]),
        (['a; x="10"'], [Offer("a", (("x", "10"),))]),
        (['a; x="1\\0"'], [Offer("a", (("x", "10"),))]),
        (["a; x=1; x=1"], [Offer("a", (("x", "1"), ("x", "1")))]),
    ],
)
def test_offers_are_read_in_order(lines, expected):
    assert parse_offers(lines) == expected


@pytest.mark.parametrize(
    "line",
    [
        "a b",
        "a;",
        "a; =1",
        "a; x=",
        'a; x=""',
        'a; x="1',
        'a; x="1, 2"',
        'a; x="1"2',
        "a; x=1=2",
        "a/b",
        "ä",
        ";a",
        "a\x00",
    ],
)
def test_a_broken_line_offers_nothing_and_spoils_no_other(line):
    assert parse_offers([line]) == []
    assert parse_offers([f"fine, {line}", "other"]) == [Offer("other", ())]


@given(st.text(alphabet='permsag-dflt;,="\\ \t1ü', max_size=60))
def test_any_line_is_read_without_an_exception(line):
    for offer in parse_offers([line]):
        assert offer.name
