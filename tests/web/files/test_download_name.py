from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._web.files.download_name import attachment
from trioweb.headers import check_field


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("a.txt", "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt"),
        ("ü b.txt", "attachment; filename=\"_ b.txt\"; filename*=UTF-8''%C3%BC%20b.txt"),
        ("🎲.png", "attachment; filename=\"_.png\"; filename*=UTF-8''%F0%9F%8E%B2.png"),
        ('a"%;b', "attachment; filename=\"a___b\"; filename*=UTF-8''a%22%25%3Bb"),
        ("a\r\nb", "attachment; filename=\"a__b\"; filename*=UTF-8''a__b"),
        ("../a\\b", "attachment; filename=\".._a_b\"; filename*=UTF-8''.._a_b"),
        ("a'b(c)*", "attachment; filename=\"a'b(c)*\"; filename*=UTF-8''a%27b%28c%29%2A"),
        ("\ud800", "attachment; filename=\"_\"; filename*=UTF-8''%3F"),
    ],
)
def test_a_download_has_a_name_that_every_client_reads(name: str, disposition: str) -> None:
    assert attachment(name) == disposition


# RFC 8187 §3.2.1: the characters that need no encoding.
EXTENDED = re.compile(
    r"attachment; filename=\"([ !#$&-:<-\[\]-~]*)\"; filename\*=UTF-8''((?:%[0-9A-F]{2}|[A-Za-z0-9!#$&+.^_`|~-])*)"
)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_name_is_a_field_that_can_be_sent_and_names_no_folder(name: str) -> None:
    field = attachment(name)
    check_field("content-disposition", field)
    matched = EXTENDED.fullmatch(field)
    assert matched
    assert unquote(matched[2]) == re.sub(r"[\x00-\x1f\x7f-\x9f/\\]", "_", name)
    assert "/" not in matched[1] + unquote(matched[2])
