"""Splitting and decoding the path of a request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._routing.segments import decoded_segments, encoded_segment
from trioweb.errors import HTTPError


@pytest.mark.parametrize(
    ("raw_path", "segments"),
    [
        ("/", [""]),
        ("/a", ["a"]),
        ("/a/", ["a", ""]),
        ("//a", ["", "a"]),
        ("/a%2Fb/c", ["a/b", "c"]),
        ("/a%2fb", ["a/b"]),
        ("/%C3%A4", ["ä"]),
        ("/\xc3\xa4", ["ä"]),
        ("/100%25", ["100%"]),
        ("/%2541", ["%41"]),
        ("/a+b", ["a+b"]),
        ("/.a/b./...", [".a", "b.", "..."]),
    ],
)
def test_a_path_is_split_before_it_is_decoded(raw_path: str, segments: list[str]) -> None:
    assert decoded_segments(raw_path) == segments


@pytest.mark.parametrize(
    "raw_path",
    ["/%", "/a%2", "/%zz", "/%2/a", "/%FF", "/\xff", "/%C0%AF", "/%ED%A0%80", "/%00", "/a/b%00c", "/\u0100"],
)
def test_a_path_that_cannot_be_decoded_is_a_bad_request(raw_path: str) -> None:
    with pytest.raises(HTTPError) as caught:
        decoded_segments(raw_path)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "raw_path",
    [
        "/.",
        "/..",
        "/a/../b",
        "/a/./b",
        "/%2e%2E/b",
        "/a/.%2e",
        "/..%2F..%2Fetc",
        "/a%2F.",
        "/a%2F..%2Fb",
        "/..%5C..%5Cetc",
        "/a%5C.",
        "/..\\b",
        "*",
        "",
        "a",
    ],
)
def test_a_dot_segment_or_no_slash_at_the_start_is_not_found(raw_path: str) -> None:
    with pytest.raises(HTTPError) as caught:
        decoded_segments(raw_path)
    assert caught.value.status == 404


@pytest.mark.parametrize(
    "segment", ["", ".", "..", "../a", "a/..", "a/./b", "a/b", "/", "..\\a", "\0", "a\0", "\ud800"]
)
def test_a_segment_that_no_request_can_carry_is_not_encoded(segment: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        encoded_segment(segment)


@pytest.mark.parametrize(
    ("segment", "encoded"),
    [
        ("a b", "a%20b"),
        ("a\\b", "a%5Cb"),
        ("%", "%25"),
        ("?#", "%3F%23"),
        ("ä", "%C3%A4"),
        ("~a:@!$", "~a:@!$"),
    ],
)
def test_an_encoded_segment_has_only_characters_of_a_path(segment: str, encoded: str) -> None:
    assert encoded_segment(segment) == encoded


@given(st.text())
def test_decoding_restores_an_encoded_segment(segment: str) -> None:
    try:
        encoded = encoded_segment(segment)
    except ValueError:
        return
    assert encoded.isascii()
    assert decoded_segments(f"/{encoded}") == [segment]


@given(st.text(alphabet="/.%2eEfF0\0aÿĀ", max_size=30))
def test_any_path_is_decoded_or_refused(raw_path: str) -> None:
    try:
        segments = decoded_segments(raw_path)
    except HTTPError:
        return
    assert all(part not in {".", ".."} for segment in segments for part in segment.split("/"))
