"""How long the next byte of a body may be waited for."""

from __future__ import annotations

import pytest

from trioweb._connection.body_pace import BodyPace


def test_a_pause_has_its_bound_and_the_whole_a_rate() -> None:
    pace = BodyPace(30, 10)
    assert pace.left_seconds == 30
    pace.count_waited(120)
    assert pace.left_seconds == 30
    pace.count_waited(29)
    assert pace.left_seconds == 1
    pace.count_received(100)
    assert pace.left_seconds == 11
    pace.count_received(1000)
    assert pace.left_seconds == 30
    pace.count_waited(112)
    assert pace.left_seconds == 0


def test_without_a_rate_only_pauses_are_bounded() -> None:
    pace = BodyPace(30, 0)
    pace.count_waited(10_000)
    assert pace.left_seconds == 30
    assert pace.too_slow(30).answer == 408


@pytest.mark.parametrize(
    ("left_seconds", "setting"), [(30, "Timeouts.body_seconds"), (29.9, "Limits.body_bytes_per_second")]
)
def test_the_refusal_names_the_setting_that_has_ended_it(left_seconds: float, setting: str) -> None:
    error = BodyPace(30, 10).too_slow(left_seconds)
    assert error.answer == 408
    assert setting in str(error)


def test_who_sends_at_the_rate_is_never_cut() -> None:
    pace = BodyPace(5, 240)
    for _ in range(1000):
        assert pace.left_seconds >= 4
        pace.count_waited(1)
        pace.count_received(240)
