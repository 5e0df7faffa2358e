"""The clock that stands still while the loop does."""

from __future__ import annotations

import pytest

from trioweb._transport.attention import CREDIT_SECONDS, Attention


def looked(*stalls, running_seconds):
    """Run, then stall, again and again; each look was planned for the beginning of the stall."""
    attention, now = Attention(), 1000.0
    attention.begin(now, now)
    for seconds in stalls:
        now += running_seconds
        attention.look(now, now, now)
        now += seconds
        attention.look(now, now, now - seconds)
    return attention


def test_nothing_is_lost_while_looks_come_when_they_are_planned():
    assert looked(0, 0.01, 0.04, running_seconds=1).lost_seconds == 0


def test_a_stall_is_lost():
    assert looked(3, running_seconds=1).lost_seconds == pytest.approx(3)


def test_time_since_the_last_look_is_lost_since_the_moment_of_a_stall_is_unknown():
    attention = Attention()
    attention.begin(0, 0)
    attention.look(8, 8, 1)
    assert attention.lost_seconds == 8


def test_earlier_small_stalls_take_nothing_from_a_long_one():
    assert looked(0.1, 0.1, 0.1, 3, running_seconds=0.01).lost_seconds == pytest.approx(3.34, abs=0.1)


def test_a_stall_after_which_the_loop_ran_as_long_is_lost_like_the_first():
    assert looked(3, 3, running_seconds=3).lost_seconds == pytest.approx(6)


@pytest.mark.parametrize("running_seconds", [0, 0.01, 0.5, 3])
@pytest.mark.parametrize("stall_seconds", [0.1, 3, 60])
def test_the_clock_runs_at_half_speed_in_the_long_run(running_seconds, stall_seconds):
    stalls = 1000
    lost = looked(*[stall_seconds] * stalls, running_seconds=running_seconds).lost_seconds
    passed = stalls * (stall_seconds + running_seconds)
    assert lost <= CREDIT_SECONDS + stall_seconds + passed / 2 + 0.001


def test_a_jump_of_a_test_s_clock_is_not_a_stall():
    attention = Attention()
    attention.begin(0, 0)
    attention.look(100, 0.001, 1)
    assert attention.lost_seconds == 0


def test_nothing_is_late_if_nothing_was_planned():
    attention = Attention()
    attention.look(500, 500, float("inf"))
    assert attention.lost_seconds == 0
