"""How long to wait for the next byte of a body."""

from __future__ import annotations

import pytest

from trioweb._http.body_pace import BodyPace


def test_a_pause_has_its_bound_and_the_whole_a_rate() -> None:
    pace = BodyPace(30, 10)
    assert pace.left_seconds == 30
    pace.count_waited(120, has_come=True)
    assert pace.left_seconds == 30
    pace.count_waited(29, has_come=True)
    assert pace.left_seconds == 1
    pace.count_received(100)
    assert pace.left_seconds == 11
    pace.count_received(1000)
    assert pace.left_seconds == 30
    pace.count_waited(112, has_come=True)
    assert pace.left_seconds == 0


def test_without_a_rate_only_pauses_are_bounded() -> None:
    pace = BodyPace(30, 0)
    pace.count_waited(10_000, has_come=True)
    assert pace.left_seconds == 30
    assert pace.too_slow().status == 408


def test_a_pause_continues_over_several_waits_until_bytes_arrive() -> None:
    pace = BodyPace(30, 0)
    pace.count_waited(20, has_come=False)
    assert pace.left_seconds == 10
    pace.count_received(1)  # whoever read it
    assert pace.left_seconds == 30
    pace.count_waited(20, has_come=False)
    pace.count_waited(1, has_come=True)
    assert pace.left_seconds == 30
    pace.count_waited(40, has_come=False)
    assert pace.left_seconds == 0


@pytest.mark.parametrize(
    ("waits", "setting"),
    [
        ([(30, False)], "Timeouts.body_seconds"),
        ([(120, True), (30, False)], "Timeouts.body_seconds"),
        ([(149, True), (1, False)], "Limits.body_bytes_per_second"),
    ],
)
def test_the_refusal_names_the_setting_that_caused_it(waits: list[tuple[float, bool]], setting: str) -> None:
    pace = BodyPace(30, 10)
    for seconds, has_come in waits:
        pace.count_waited(seconds, has_come=has_come)
    error = pace.too_slow()
    assert error.status == 408
    assert setting in str(error)


def test_a_client_that_sends_at_the_rate_is_never_cut() -> None:
    pace = BodyPace(5, 240)
    for _ in range(1000):
        assert pace.left_seconds >= 4
        pace.count_waited(1, has_come=True)
        pace.count_received(240)
