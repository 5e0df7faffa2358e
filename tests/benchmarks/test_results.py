from __future__ import annotations

import results
from results import Cell, Figure, Results


def run(cpu_us, **more):
    return {"mode": "echo", "cpu_us": cpu_us, "own_cpu_share": 0.5} | more


def test_rounds_are_brought_together_by_the_median_with_least_and_most():
    cell = results.gathered([run(3.0), run(1.0), run(8.0)])
    assert cell.figures["cpu_us"] == Figure(3.0, 1.0, 8.0)
    assert (cell.rounds, cell.failures) == (3, ())
    assert results.gathered([run(1.0), run(2.0)]).figures["cpu_us"] == Figure(1.5, 1.0, 2.0)


def test_failed_rounds_are_left_out_and_reported_once():
    cell = results.gathered([run(3.0), {"failure": "it broke"}, {"failure": "it broke", "cpu_us": 99}])
    assert cell.figures["cpu_us"] == Figure(3.0, 3.0, 3.0)
    assert (cell.rounds, cell.failures) == (1, ("it broke",))


def test_nothing_is_known_of_a_rival_whose_rounds_all_failed():
    assert results.gathered([{"failure": "it broke"}]) == Cell({}, 0, ("it broke",))


def test_a_busy_generator_is_noticed_and_a_paced_one_by_being_late():
    assert not results.gathered([run(3.0, own_cpu_share=0.9)]).is_generator_bound
    assert results.gathered([run(3.0, own_cpu_share=0.95)]).is_generator_bound
    paced = {"own_cpu_share": 1.0, "p50_us": 100.0}
    assert not results.gathered([run(3.0, **paced, late_p50_us=1.0)]).is_generator_bound
    assert results.gathered([run(3.0, **paced, late_p50_us=30.0)]).is_generator_bound
    assert not Cell().is_generator_bound


def test_programs_that_shared_the_core_are_noticed():
    assert not results.gathered([run(3.0, waited_share=0.05, own_waited_share=0.0)]).is_disturbed
    assert results.gathered([run(3.0, waited_share=0.3, own_waited_share=0.0)]).is_disturbed
    assert results.gathered([run(3.0, waited_share=0.0, own_waited_share=0.3)]).is_disturbed
    assert not Cell().is_disturbed


def test_results_come_back_from_json_as_they_were(tmp_path):
    found = Results({"cpu": "any"}, {"trioweb": {"trio": "1"}}, {"rounds": 2}, ["a: b"])
    found.cells = {"echo-32": {"trioweb": results.gathered([run(3.0), {"failure": "it broke"}])}}
    results.write(found, tmp_path / "results.json")
    assert results.read(tmp_path / "results.json") == found


def test_a_missing_median_is_none():
    found = Results(cells={"echo-32": {"trioweb": results.gathered([run(3.0)])}})
    assert found.median("echo-32", "trioweb", "cpu_us") == 3.0
    assert found.median("echo-32", "trioweb", "p50_us") is None
    assert found.median("echo-32", "picows", "cpu_us") is None
    assert found.median("echo-1m", "trioweb", "cpu_us") is None
