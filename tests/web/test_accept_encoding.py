from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._web.accept_encoding import preferred_coding, refuses_identity
from trioweb.headers import Headers

# The weights themselves are tested with files of several forms, in test_static_precompressed.py.


def accepting(field: str) -> Headers:
    return Headers({"Accept-Encoding": field})


@pytest.mark.parametrize("field", ["", "br, identity;q=1", "*"])
def test_unencoded_content_is_sent_if_nothing_is_offered(field: str) -> None:
    assert preferred_coding(accepting(field), ()) is None


@pytest.mark.parametrize(
    ("field", "refuses"),
    [
        ("", False),
        ("gzip", False),
        ("identity;q=0", True),
        ("*;q=0", True),
        ("*;q=0, identity;q=0.1", False),
        ("identity;q=0, *", True),
    ],
)
def test_a_client_may_refuse_unencoded_content(field: str, *, refuses: bool) -> None:
    assert refuses_identity(accepting(field)) is refuses
    assert not refuses_identity(Headers())


def test_a_long_field_takes_no_longer_than_its_length() -> None:
    started = time.process_time()
    for field in ("gzip;q=0.1," * 2_000, ";" * 16_000, "," * 16_000, "q=" * 8_000, "a;q=" + "0" * 16_000):
        preferred_coding(accepting(field), ("br", "gzip"))
    assert time.process_time() - started < 1


@given(st.text(alphabet="brgzip*identy;q=0.15, ", max_size=60) | st.text(max_size=60))
def test_any_text_leads_to_one_of_the_offers_or_none(field: str) -> None:
    assert preferred_coding(accepting(field), ("br", "gzip")) in ("br", "gzip", None)
