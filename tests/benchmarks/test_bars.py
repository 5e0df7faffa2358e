from __future__ import annotations

import bars
import pytest
from bars import Bar
from results import Cell, Figure, Results


def results_of(**cells):
    """Take `workload__rival=(figure, value)` with dashes written as underscores."""
    found = Results()
    for place, (figure, value) in cells.items():
        workload, rival = place.replace("_", "-").split("--")
        found.cells.setdefault(workload, {})[rival] = Cell({figure: Figure(value, value, value)}, 1)
    return found


def test_a_ratio_is_our_figure_over_theirs():
    found = results_of(echo_32__trioweb=("cpu_us", 3.0), echo_32__picows=("cpu_us", 4.0))
    assert Bar("echo-32", "picows", 0.5).ratio(found) == pytest.approx(0.75)


def test_memory_is_compared_in_bytes_for_a_connection():
    found = results_of(
        idle_5000__trioweb=("connection_bytes", 5000.0), idle_5000__picows=("connection_bytes", 10_000.0)
    )
    assert Bar("idle-5000", "picows", 0.5).ratio(found) == pytest.approx(0.5)


def test_a_bar_can_be_against_ourselves_in_another_workload():
    found = results_of(echo_32__trioweb=("cpu_us", 3.0), echo_1k__trioweb=("cpu_us", 2.0))
    assert Bar("echo-32", "trioweb", 1.0, against="echo-1k").ratio(found) == pytest.approx(1.5)


def test_without_both_sides_there_is_no_ratio():
    only_ours = results_of(echo_32__trioweb=("cpu_us", 3.0))
    assert Bar("echo-32", "picows", 1.0).ratio(only_ours) is None
    assert Bar("echo-32", "picows", 1.0).ratio(Results()) is None


def test_each_bar_has_a_line_that_says_whether_it_is_met(monkeypatch):
    found = results_of(
        echo_32__trioweb=("cpu_us", 3.0), echo_32__picows=("cpu_us", 4.0), echo_32__node_ws=("cpu_us", 2.0)
    )
    three = (Bar("echo-32", "picows", 0.75), Bar("echo-32", "node-ws", 1.4), Bar("echo-1m", "picows", 1.0))
    monkeypatch.setattr(bars, "BARS", three)
    met, not_met, unknown = bars.lines(found)
    assert met.split()[-5:] == ["0.750", "at", "most", "0.75", "met"]
    assert not_met.split()[-6:] == ["1.500", "at", "most", "1.4", "NOT", "MET"]
    assert unknown.split()[-6:] == ["-", "at", "most", "1", "not", "measured"]
