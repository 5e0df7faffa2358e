"""Short forms of input for the texts of errors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb.excerpts import excerpt, one_line, shown_url


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("ab", "'ab'"),
        (b"ab", "b'ab'"),
        (bytearray(b"abc"), "b'abc'"),
        ("abcd", "'abc'..."),
        (b"abcd", "b'abc'..."),
    ],
)
def test_a_value_is_shown_as_python_writes_it_with_dots_for_the_rest(value, shown):
    assert excerpt(value, 3) == shown


@given(st.text())
def test_a_text_for_people_is_one_line_and_as_it_was_if_it_could_be(text):
    shown = one_line(text)

    assert shown.isprintable()
    assert shown == text or not text.isprintable()


@given(st.text() | st.binary())
def test_an_excerpt_is_one_short_line_of_visible_characters(value):
    shown = excerpt(value)

    assert shown.isprintable()
    assert len(shown) < 1000


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ws://a/b", "'ws://a/b'"),
        ("ws://ann:secret@a/b?token=secret", "'ws://...@a/b?...'"),
        ("ws://ann:sec/ret@a/", "'ws://...@a/'"),
        ("//ann\nsecret@a", "'//...@a'"),
        ("/b?secret", "'/b?...'"),
        ("?secret", "'?...'"),
    ],
)
def test_a_url_is_shown_without_its_user_and_its_query(text, shown):
    assert shown_url(text) == shown
