"""Whether the bytes of a text have a mistake, however they were cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._wire.utf8 import KNOWN_BYTES, may_become_utf8

TEXTS = st.text(st.sampled_from("a\u00e9\u20ac\U0001f600"), max_size=12).map(str.encode)


@given(text=TEXTS, cut=st.integers(0, 48), end=st.integers(0, 48))
def test_every_part_of_a_text_may_become_utf8_after_the_bytes_before_it(text, cut, end):
    assert may_become_utf8(text[cut:end], text[:cut])
    assert may_become_utf8(text[cut:end], text[:cut][-KNOWN_BYTES:])


@given(text=TEXTS, cut=st.integers(0, 48))
def test_a_character_is_not_cut_short_by_another_one(text, cut):
    before, after = text[:cut], text[cut:]
    is_between_characters = not (after and 0x80 <= after[0] < 0xC0)
    assert may_become_utf8(b"a", before) is is_between_characters


@pytest.mark.parametrize("data", [b"\xff", b"ab\xc3(", b"\x80", b"\xed\xa0\x80", b"\xf8\x88"])
def test_a_mistake_is_found_where_it_is(data):
    assert not may_become_utf8(data)
    assert not may_become_utf8(data, b"text")
