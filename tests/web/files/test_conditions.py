from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._web.files.conditions import Validators, evaluate, is_range_current, parse_date
from trioweb.headers import Headers

BEFORE = "Sat, 01 Jan 2022 00:00:00 GMT"
THEN = "Sun, 02 Jan 2022 00:00:00 GMT"
AFTER = "Mon, 03 Jan 2022 00:00:00 GMT"
STRONG = Validators('"a,b"', THEN)
WEAK = Validators('W/"a,b"', THEN)


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({}, 200),
        ({"If-None-Match": '"a,b"'}, 304),
        ({"If-None-Match": 'W/"a,b"'}, 304),
        ({"If-None-Match": '"x", W/"a,b" , "y"'}, 304),
        ({"If-None-Match": " * "}, 304),
        ({"If-None-Match": '"x"'}, 200),
        ({"If-None-Match": "a,b"}, 200),
        ({"If-None-Match": ""}, 200),
        ({"If-None-Match": '"' * 5000}, 200),
        ({"If-Modified-Since": BEFORE}, 200),
        ({"If-Modified-Since": THEN}, 304),
        ({"If-Modified-Since": AFTER}, 304),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-None-Match": '"x"', "If-Modified-Since": AFTER}, 200),
        ({"If-Match": '"a,b"'}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": 'W/"a,b"'}, 412),
        ({"If-Match": '"x"'}, 412),
        ({"If-Match": '"a,b"', "If-None-Match": '"a,b"'}, 304),
        ({"If-Match": '"a,b"', "If-Unmodified-Since": BEFORE}, 200),
        ({"If-Unmodified-Since": BEFORE}, 412),
        ({"If-Unmodified-Since": THEN}, 200),
        ({"If-Unmodified-Since": "yesterday"}, 200),
    ],
)
def test_conditions_are_judged_in_the_order_of_rfc_9110_13_2_2(fields: dict[str, str], verdict: int) -> None:
    assert evaluate(Headers(fields), STRONG) == verdict


def test_a_weak_tag_saves_a_transfer_but_never_makes_a_match() -> None:
    assert evaluate(Headers({"If-None-Match": '"a,b"'}), WEAK) == 304
    assert evaluate(Headers({"If-Match": 'W/"a,b"'}), WEAK) == 412


@pytest.mark.parametrize(
    ("condition", "is_current"),
    [(None, True), (' "a,b"', True), ('W/"a,b"', False), ('"x"', False), (THEN, False), ("", False)],
)
def test_a_part_is_sent_only_of_the_version_that_the_client_has(
    condition: str | None, *, is_current: bool
) -> None:
    headers = Headers({} if condition is None else {"If-Range": condition})
    assert is_range_current(headers, STRONG) is is_current
    assert is_range_current(headers, WEAK) is (condition is None)


@pytest.mark.parametrize(
    ("condition", "is_current"),
    [
        (THEN, True),
        (f" {THEN} ", True),
        (BEFORE, False),
        (AFTER, False),
        ("Sunday, 02-Jan-22 00:00:00 GMT", False),  # RFC 9110 §13.1.5: an exact match
        (f"{THEN}, {THEN}", False),
    ],
)
def test_a_strong_date_has_to_be_the_very_one_that_was_sent(condition: str, *, is_current: bool) -> None:
    validators = Validators('"a,b"', THEN, is_date_strong=True)
    assert is_range_current(Headers({"If-Range": condition}), validators) is is_current


def test_a_settled_file_has_a_strong_tag_and_a_strong_date() -> None:
    validators = Validators.of_file(size_bytes=255, modified_ns=1_000_500_000_000, now_seconds=1010.0)
    assert validators == Validators('"e8f2727500-ff"', "Thu, 01 Jan 1970 00:16:40 GMT", is_date_strong=True)


def test_each_coding_has_a_tag_of_its_own() -> None:
    validators = Validators.of_file(size_bytes=255, modified_ns=10**12, now_seconds=1010.0, coding="br")
    assert validators.entity_tag == '"e8d4a51000-ff-br"'


@pytest.mark.parametrize("now_seconds", [999.0, 1000.0, 1000.9, 1003.0])
def test_a_file_that_changed_just_now_or_in_the_future_has_a_weak_tag_and_no_date(
    now_seconds: float,
) -> None:
    validators = Validators.of_file(size_bytes=1, modified_ns=10**12 + 5, now_seconds=now_seconds)
    assert validators == Validators('W/"e8d4a51005-1"', None)
    for name in ("If-Modified-Since", "If-Unmodified-Since", "If-Range"):
        assert evaluate(Headers({name: AFTER}), validators) == 200
    assert not is_range_current(Headers({"If-Range": ""}), validators)


def test_the_date_of_a_version_is_not_sent_while_another_could_follow_in_its_second() -> None:
    # Two versions, both within the second 1000. A client with the first must not resume with the second.
    first = Validators.of_file(size_bytes=1, modified_ns=1_000_100_000_000, now_seconds=1000.2)
    second = Validators.of_file(size_bytes=1, modified_ns=1_000_500_000_000, now_seconds=2000.0)
    assert first.last_modified is None
    assert second.is_date_strong


def test_a_date_before_1970_is_1970() -> None:
    ancient = Validators.of_file(size_bytes=1, modified_ns=-(10**10), now_seconds=1000.0)
    assert ancient.last_modified == "Thu, 01 Jan 1970 00:00:00 GMT"


@pytest.mark.parametrize(
    "text",
    ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
)
def test_the_three_forms_of_a_date_are_read(text: str) -> None:
    date = parse_date(text)
    assert date is not None
    assert date.isoformat() == "1994-11-06T08:49:37+00:00"


@pytest.mark.parametrize("text", [f"{THEN}, {THEN}", f"{BEFORE}, {AFTER}"])
def test_a_repeated_date_field_is_ignored(text: str) -> None:
    assert parse_date(text) is None
    assert evaluate(Headers([("If-Modified-Since", AFTER), ("If-Modified-Since", AFTER)]), STRONG) == 200


@pytest.mark.parametrize(
    "text",
    [
        "6 nov 1994 00:00",
        "Sun, 06 Nov 1994 08:49:37 +0500",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 99 Nov 1994 99:49:37 GMT",
        "",
    ],
)
def test_a_text_that_is_not_an_http_date_is_not_a_condition(text: str) -> None:
    assert parse_date(text) is None
    assert evaluate(Headers([("If-Unmodified-Since", text)]), STRONG) == 200


def test_a_long_list_of_tags_takes_no_longer_than_its_length() -> None:
    started = time.process_time()
    for condition in ('"' * 15_000, 'W/"' * 5_000, '"a" ' * 4_000, "W/" * 7_500, '"' + "a" * 15_000):
        for name in ("If-None-Match", "If-Match"):
            evaluate(Headers({name: condition}), STRONG)
    assert time.process_time() - started < 1


@given(
    st.text(max_size=80)
    | st.from_regex(
        r"(?:Sun,)? ?[0-9]{1,12} (?:Nov|Jan) [0-9]{1,12} [0-9:]{1,12} [+-]?[0-9A-Z]{1,9}", fullmatch=True
    )
)
def test_any_text_is_a_date_or_none(text: str) -> None:
    date = parse_date(text)
    assert date is None or date.utcoffset() is not None


@given(st.text(alphabet='W/"a,b* \\', max_size=60))
def test_any_tag_list_can_be_judged(text: str) -> None:
    assert evaluate(Headers({"If-None-Match": text}), STRONG) in (200, 304)
    assert evaluate(Headers({"If-Match": text}), STRONG) in (200, 412)
