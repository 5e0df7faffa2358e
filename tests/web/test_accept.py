from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._web.accept import preferred, weights

OFFERS = ("text/html", "application/json")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", None),
        ("*/*", None),
        ("text/*", None),
        ("image/png", None),
        ("text/html", "text/html"),
        ("TEXT/HTML ; level=1", "text/html"),
        ("application/json", "application/json"),
        ("application/json, text/html", "application/json"),
        ("text/html, application/json", "text/html"),
        ("text/html;q=0.5, application/json;q=0.6", "application/json"),
        ("text/html;Q=0.500, application/json; q = 0.6", "application/json"),
        ("text/html;q=0, application/json;q=0.0", None),
        ("text/html;q=2, application/json;q=0.1", "application/json"),
        ("text/html;q=nan, application/json;q=-1", None),
        ("text/html;q=1e0", None),
        ("text/html;q=0.1, application/json;q=0.5, text/html", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", "text/html"),
    ],
)
def test_the_type_that_is_named_with_the_highest_quality_is_chosen(accept: str, chosen: str | None) -> None:
    assert preferred(accept, OFFERS) == chosen


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("", {}),
        (" , ;q=1,", {}),
        ("GZip", {"gzip": 1.0}),
        ("gzip;q=0.5 , *;Q=0", {"gzip": 0.5, "*": 0.0}),
        ("gzip;q=0.5, gzip", {"gzip": 0.5}),
        ("gzip;q=2", {"gzip": 0.0}),
        ("gzip;level=9", {"gzip": 1.0}),
    ],
)
def test_each_member_has_its_weight(field: str, found: dict[str, float]) -> None:
    assert weights(field) == found


@given(st.text(alphabet="text/hmlapliconjsq=;,.019 *\t\xff", max_size=200))
def test_any_accept_field_can_be_read(accept: str) -> None:
    assert preferred(accept, OFFERS) in (None, *OFFERS)
