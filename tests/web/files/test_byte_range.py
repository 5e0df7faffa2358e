from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._web.files.byte_range import RANGES, ByteRange, parse_ranges
from trioweb.errors import HTTPError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bytes=0-0", [(0, 0)]),
        ("bytes=2-5", [(2, 5)]),
        ("bytes=2-", [(2, 9)]),
        ("bytes=2-99", [(2, 9)]),
        ("bytes=-3", [(7, 9)]),
        ("bytes=-99", [(0, 9)]),
        (" Bytes= 1-2\t", [(1, 2)]),
        ("bytes=0-9999999999999999999", [(0, 9)]),
        (f"bytes=0-{'9' * 300}", [(0, 9)]),
        ("bytes=0-0,-1", [(0, 0), (9, 9)]),
        ("bytes=6-7,0-1 ,\t3-4", [(6, 7), (0, 1), (3, 4)]),
        ("bytes=,0-0,,2-2,", [(0, 0), (2, 2)]),
        ("bytes=0-1,20-,5-", [(0, 1), (5, 9)]),
        ("bytes=0-1,-0", [(0, 1)]),
        ("bytes=0-4,2-6", [(0, 6)]),
        ("bytes=0-4,5-6", [(0, 6)]),
        ("bytes=0-9,2-3", [(0, 9)]),
        ("bytes=8-8,4-5,0-1,2-3", [(8, 8), (0, 5)]),
        ("bytes=5-6,0-1,3-4", [(3, 6), (0, 1)]),
    ],
)
def test_the_ranges_of_ten_bytes_are_parsed(text: str, expected: list[tuple[int, int]]) -> None:
    found = parse_ranges(text, 10)
    assert [(one.first, one.last) for one in found] == expected
    assert all(one.length_bytes == one.last - one.first + 1 for one in found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bytes",
        "bytes=",
        "bytes= , ,",
        "bytes=-",
        "bytes=5-2",
        "bytes=0-1,5-2",
        "bytes=0-1,x",
        "bytes=a-b",
        "items=0-1",
        "bytes =0-1",
        "bytes=0-1-2",
        "bytes=0 - 1",
        "bytes=+1-2",
        "bytes=1_0-2_0",
        "bytes=١-٢",
        "bytes=" + "9" * 5000 + "-",
        "bytes=0-1, bytes=2-3",
        "bytes=" + "0-0," * (RANGES + 1),
    ],
)
def test_a_field_that_is_malformed_or_names_too_many_ranges_is_ignored(text: str) -> None:
    assert parse_ranges(text, 10) == ()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("bytes=10-", 10),
        ("bytes=10-20", 10),
        ("bytes=-0", 10),
        ("bytes=0-", 0),
        ("bytes=10-,11-12,-0", 10),
        ("bytes=-0", 0),
    ],
)
def test_ranges_without_a_byte_are_416_with_the_size(text: str, size: int) -> None:
    with pytest.raises(HTTPError) as caught:
        parse_ranges(text, size)
    assert caught.value.status == 416
    assert caught.value.headers == {"content-range": f"bytes */{size}"}


@pytest.mark.parametrize("text", ["bytes=-5", "bytes=0-1,-5"])
def test_the_last_bytes_of_an_empty_file_are_all_of_it(text: str) -> None:
    assert parse_ranges(text, 0) == ()


def test_ten_thousand_ranges_cost_next_to_nothing() -> None:
    started = time.process_time()
    for text in ("0-0," * 10_000, "," * 40_000, "-" * 40_000, "9" * 40_000, " " * 40_000 + "0-0"):
        parse_ranges(f"bytes={text}", 10**9)
    assert time.process_time() - started < 1


def expected_bytes(text: str, data: bytes) -> set[int] | None:
    """Return the requested positions, one range at a time and in the slowest way possible.

    `None` when the field is to be ignored.
    """
    if not text.startswith("bytes="):
        return None
    positions: set[int] = set()
    members = [member.strip() for member in text[6:].split(",") if member.strip()]
    if not 0 < len(members) <= RANGES:
        return None
    for member in members:
        matched = re.fullmatch(r"(?a:(\d*)-(\d*))", member)
        if matched is None or member == "-":
            return None
        first, last = matched.groups()
        everywhere = range(len(data))
        if first and last:
            if int(first) > int(last):
                return None
            positions |= {place for place in everywhere if int(first) <= place <= int(last)}
        elif first:
            positions |= {place for place in everywhere if place >= int(first)}
        else:
            positions |= {place for place in everywhere if place >= len(data) - int(last)}
    return positions


NUMBER = st.integers(0, 45).map(str) | st.just("")
RANGE = st.tuples(NUMBER, NUMBER).map("-".join) | st.sampled_from(["", " ", "x", "-"])


@given(st.lists(RANGE, max_size=RANGES + 2).map(",".join), st.integers(1, 40))
def test_the_ranges_are_those_of_a_slow_and_simple_reading(listed: str, size: int) -> None:
    text, data = f"bytes={listed}", bytes(size)
    expected = expected_bytes(text, data)
    try:
        found = parse_ranges(text, size)
    except HTTPError:
        assert expected == set()
        return
    if not found:
        assert expected is None
        return
    places = [place for one in found for place in range(one.first, one.last + 1)]
    assert len(places) == len(set(places)), "no byte is sent twice"
    assert set(places) == expected
    assert not any(one.last + 1 == other.first for one in found for other in found), "what touches is joined"


@given(st.text(alphabet="bytes=0123456789-, ", max_size=40) | st.text(max_size=40), st.integers(0, 100))
def test_any_text_gives_ranges_inside_the_file_or_none(text: str, size: int) -> None:
    try:
        found = parse_ranges(text, size)
    except HTTPError:
        return
    assert all(isinstance(one, ByteRange) and 0 <= one.first <= one.last < size for one in found)
