"""The settings of `reconnecting`, and the delays that follow from them."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb import CloseCode, ConfigError, Headers
from trioweb._client.retry import Retry
from trioweb._client.schedule import Schedule, retry_after_seconds


def bounds(least, most):
    """In place of chance: show what it would be asked."""
    return least, most


def longest(least, most):
    return most


# The settings


def test_the_defaults_are_those_of_the_documentation():
    retry = Retry()
    assert (retry.first_seconds, retry.most_seconds, retry.stable_seconds) == (0.2, 30, 10)
    assert retry.attempts is None
    assert retry.give_up_on == {400, 401, 403, 404, 1002, 1003, 1007, 1008, 1009, 1010}
    assert not retry.retry_application_codes


def test_settings_cannot_be_changed_later():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Retry().first_seconds = 1


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("first_seconds", 0),
        ("first_seconds", "1"),
        ("most_seconds", None),
        ("stable_seconds", -1),
        ("stable_seconds", float("nan")),
        ("attempts", 0),
        ("attempts", 2.5),
        ("give_up_on", 404),
        ("give_up_on", "404"),
        ("give_up_on", {"404"}),
        ("give_up_on", {True}),
        ("give_up_on", {600}),
        ("give_up_on", {5000}),
        ("retry_application_codes", 1),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_its_name(setting, value):
    with pytest.raises(ConfigError, match=f"Retry.{setting} takes "):
        Retry(**{setting: value})


def test_give_up_on_may_be_a_list_with_members_of_enums():
    retry = Retry(give_up_on=[HTTPStatus.GONE, CloseCode.NORMAL_CLOSURE])
    assert retry.give_up_on == {410, 1000}
    assert all(type(number) is int for number in retry.give_up_on)


@pytest.mark.parametrize(
    ("retry", "final", "passing"),
    [
        (
            Retry(),
            {401, 404, 1002, 1008, 4000, 4999},
            {429, 500, 503, 1000, 1001, 1005, 1006, 1011, 1012, 3999},
        ),
        (Retry(retry_application_codes=True), {404}, {4000, 4999}),
        (Retry(retry_application_codes=True, give_up_on={4001}), {4001}, {404, 4000}),
        (Retry(give_up_on=Retry().give_up_on | {1000}), {404, 1000}, {1001}),
    ],
)
def test_statuses_and_codes_end_the_loop_as_the_settings_say(retry, final, passing):
    assert {number for number in final | passing if retry.gives_up_on(number)} == final


# The delays


def test_the_bound_of_the_delay_doubles_up_to_the_most():
    schedule, found = Schedule(Retry(), bounds), []
    for _ in range(10):
        schedule.count()
        found.append(schedule.delay_seconds())
    assert found == [(0, most) for most in (0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30)]


def test_a_delay_is_anything_between_nothing_and_its_bound():
    schedule = Schedule(Retry(first_seconds=8))
    schedule.count()
    delays = [schedule.delay_seconds() for _ in range(1000)]
    assert min(delays) < 1
    assert max(delays) > 7
    assert all(0 <= delay <= 8 for delay in delays)


def test_only_a_stable_connection_leads_back_to_the_first_delay():
    schedule = Schedule(Retry(stable_seconds=10), longest)
    for _ in range(3):
        schedule.count(9.9)
    assert (schedule.attempt, schedule.delay_seconds()) == (4, 0.8)
    schedule.count(10)
    assert (schedule.attempt, schedule.delay_seconds()) == (1, 0.2)
    schedule.count()
    assert (schedule.attempt, schedule.delay_seconds()) == (2, 0.2)
    schedule.count()
    assert (schedule.attempt, schedule.delay_seconds()) == (3, 0.4)


def test_attempts_are_counted_in_a_row():
    schedule = Schedule(Retry(attempts=2))
    assert not schedule.is_used_up
    schedule.count()
    assert not schedule.is_used_up
    schedule.count(60)
    schedule.count()
    assert not schedule.is_used_up
    schedule.count()
    assert schedule.is_used_up


def test_any_number_of_attempts_has_a_delay():
    schedule = Schedule(Retry(most_seconds=float("inf")), longest)
    for _ in range(2000):
        schedule.count()
    assert 0 < schedule.delay_seconds() < float("inf")
    assert not schedule.is_used_up


@pytest.mark.parametrize("number", [1012, 1013, 429, 503])
def test_a_server_that_is_busy_is_left_alone_for_longer(number):
    schedule = Schedule(Retry(), bounds)
    schedule.count()
    assert schedule.delay_seconds(number) == (5, 30)
    hurried = Schedule(Retry(most_seconds=3), bounds)
    hurried.count()
    assert hurried.delay_seconds(number) == (0.5, 3)
    patient = Schedule(Retry(first_seconds=100, most_seconds=300), bounds)
    patient.count()
    assert patient.delay_seconds(number) == (5, 100)


def test_retry_after_is_the_least_that_is_waited_and_jitter_comes_on_top():
    schedule = Schedule(Retry(), bounds)
    schedule.count()
    assert schedule.delay_seconds(503, 7) == (7, 7.2)
    assert schedule.delay_seconds(503, 0) == (0, 0.2)
    assert schedule.delay_seconds(503, 29.9) == (29.9, 30)
    assert schedule.delay_seconds(503, 86_400) == (30, 30)


@given(
    st.integers(0, 200),
    st.none() | st.sampled_from([1006, 1012, 503]),
    st.none() | st.floats(0, 1e9),
    st.floats(0.001, 1e6),
    st.floats(0.001, 1e6),
)
def test_no_delay_is_longer_than_the_most(attempts, number, asked, first, most):
    schedule = Schedule(Retry(first_seconds=first, most_seconds=most), bounds)
    for _ in range(attempts):
        schedule.count()
    least, bound = schedule.delay_seconds(number, asked)
    assert 0 <= least <= bound <= most


# Retry-After

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("9" * 5000, 999_999_999_999_999),
        ("Thu, 26 Nov 2026 12:01:30 GMT", 90),
        ("Thursday, 26-Nov-26 12:01:30 GMT", 90),
        ("Thu, 26 Nov 2026 12:01:30 -0000", 90),
        ("Thu, 26 Nov 2026 11:00:00 GMT", 0),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("soon", None),
        ("Thu, 99 Nov 2026 12:01:30 GMT", None),
        ("Thu, 26 Nov 99999999999999999999 12:01:30 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(text, expected):
    assert retry_after_seconds(Headers({"Retry-After": text}), NOW) == expected


def test_a_date_is_compared_with_the_clock_of_the_server():
    fields = {"Retry-After": "Thu, 26 Nov 2026 15:00:30 GMT", "Date": "Thu, 26 Nov 2026 15:00:00 GMT"}
    assert retry_after_seconds(Headers(fields), NOW) == 30
    assert retry_after_seconds(Headers(fields | {"Date": "today"}), NOW) == 3 * 3600 + 30


def test_a_response_without_the_field_asks_for_nothing():
    assert retry_after_seconds(Headers()) is None
    assert retry_after_seconds(Headers({"Retry-After": "Sat, 01 Jan 2000 00:00:00 GMT"})) == 0
