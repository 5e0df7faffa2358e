from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._web.byte_range import ByteRange, parse_range
from trioweb.errors import HTTPError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bytes=0-0", ByteRange(0, 0)),
        ("bytes=2-5", ByteRange(2, 5)),
        ("bytes=2-", ByteRange(2, 9)),
        ("bytes=2-99", ByteRange(2, 9)),
        ("bytes=-3", ByteRange(7, 9)),
        ("bytes=-99", ByteRange(0, 9)),
        (" Bytes= 1-2\t", ByteRange(1, 2)),
        ("bytes=0-9999999999999999999", ByteRange(0, 9)),
    ],
)
def test_a_range_of_ten_bytes(text: str, expected: ByteRange) -> None:
    assert parse_range(text, 10) == expected
    assert expected.length_bytes == expected.last - expected.first + 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-2",
        "bytes=a-b",
        "bytes=0-1,3-4",
        "items=0-1",
        "bytes=0-1-2",
        "bytes=+1-2",
        "bytes=1_0-2_0",
        "bytes=١-٢",
        "bytes=" + "9" * 5000 + "-",
        "bytes=0-0," * 1000,
    ],
)
def test_what_is_no_single_range_is_ignored(text: str) -> None:
    assert parse_range(text, 10) is None


@pytest.mark.parametrize(
    ("text", "size"), [("bytes=10-", 10), ("bytes=10-20", 10), ("bytes=-0", 10), ("bytes=0-", 0)]
)
def test_a_range_without_a_byte_is_416_and_tells_the_size(text: str, size: int) -> None:
    with pytest.raises(HTTPError) as caught:
        parse_range(text, size)
    assert caught.value.status == 416
    assert caught.value.headers == {"content-range": f"bytes */{size}"}


def test_the_last_bytes_of_an_empty_file_are_all_of_it() -> None:
    assert parse_range("bytes=-5", 0) is None


@given(st.text(alphabet="bytes=0123456789-, ", max_size=40) | st.text(max_size=40), st.integers(0, 100))
def test_any_range_is_inside_the_file_or_none(text: str, size: int) -> None:
    try:
        part = parse_range(text, size)
    except HTTPError:
        return
    assert part is None or 0 <= part.first <= part.last < size
