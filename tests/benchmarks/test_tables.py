from __future__ import annotations

import bars
import environment
import measure
import pytest
import rivals
import run
import workloads


def estimated_minutes(durations, *arguments):
    """Starting and ending a server takes half a second; 2500 handshakes take most servers a second."""
    seconds = 0.0
    for workload, names in run.plan(run.parse(arguments)):
        one = 0.5 + durations.warm_seconds + durations.seconds + workload.connections / 2500
        seconds += len(names) * min(durations.rounds, workload.most_rounds or durations.rounds) * one
    return seconds / 60


def test_names_are_unique():
    assert len(rivals.BY_NAME) == len(rivals.RIVALS)
    assert len(workloads.BY_NAME) == len(workloads.WORKLOADS)
    assert len({rival.title for rival in rivals.RIVALS}) == len(rivals.RIVALS)


@pytest.mark.parametrize("rival", rivals.RIVALS, ids=lambda rival: rival.name)
def test_a_rival_has_its_server_and_takes_part_in_something(rival):
    assert (environment.SERVERS / rival.file).is_file()
    assert rival.packages
    assert any(rival.name in workload.rivals for workload in workloads.WORKLOADS)


@pytest.mark.parametrize("workload", workloads.WORKLOADS, ids=lambda workload: workload.name)
def test_the_rivals_of_a_workload_for_clients_have_a_client(workload):
    if workload.mode == "client":
        for name in workload.rivals:
            assert (environment.CLIENTS / rivals.BY_NAME[name].client).is_file()


@pytest.mark.parametrize("workload", workloads.WORKLOADS, ids=lambda workload: workload.name)
def test_a_workload_is_for_known_rivals_and_for_ours(workload):
    assert set(workload.rivals) <= set(rivals.BY_NAME)
    assert len(set(workload.rivals)) == len(workload.rivals)
    assert rivals.OURS in workload.rivals
    if workload.is_deflated:
        assert all(rivals.BY_NAME[name].can_deflate for name in workload.rivals)
    if workload.mode == "fanout":
        assert rivals.FLOOR not in workload.rivals
    if workload.half_of:
        assert set(workload.rivals) <= set(workloads.BY_NAME[workload.half_of].rivals)


def test_a_workload_at_half_a_rate_is_measured_after_the_whole_rate():
    order = list(workloads.BY_NAME)
    for workload in workloads.WORKLOADS:
        assert workload.half_of is None or order.index(workload.half_of) < order.index(workload.name)


def test_every_kind_of_load_is_included():
    echoes = [workload for workload in workloads.WORKLOADS if workload.mode == "echo"]
    assert {workload.message_bytes for workload in echoes} == {32, 1024, 65536, 1024**2}
    assert {workload.depth for workload in echoes} == {1, 16}
    assert {workload.connections for workload in echoes} >= {1, 64, 1000}
    fanouts = [workload for workload in workloads.WORKLOADS if workload.mode == "fanout"]
    assert {(workload.connections, workload.stalled) for workload in fanouts} == {
        (receivers, stalled) for receivers in (100, 1000, 5000) for stalled in (0, 1, 10)
    }
    idles = [workload for workload in workloads.WORKLOADS if workload.mode == "idle"]
    assert [workload.connections for workload in idles] == [1000, 5000, 10_000]


@pytest.mark.parametrize("bar", bars.BARS, ids=lambda bar: f"{bar.workload} {bar.rival}")
def test_both_sides_of_a_bar_are_measured(bar):
    assert rivals.OURS in workloads.BY_NAME[bar.workload].rivals
    assert bar.rival in workloads.BY_NAME[bar.base].rivals
    assert workloads.BY_NAME[bar.base].figure == workloads.BY_NAME[bar.workload].figure


def test_a_whole_run_takes_about_forty_minutes_and_a_quick_one_three():
    assert 20 < estimated_minutes(measure.Durations()) < 40
    assert 1 < estimated_minutes(run.QUICK, "--quick") < 3


def test_a_quick_run_has_the_most_telling_workloads():
    planned = {workload.name: names for workload, names in run.plan(run.parse(["--quick"]))}
    assert list(planned) == [
        "echo-32", "echo-32-deep", "echo-64k", "broadcast-1000", "handshakes", "idle-5000",
    ]  # fmt: skip
    assert tuple(planned["echo-32"]) == rivals.QUICK


def test_only_named_workloads_and_rivals_are_measured_with_what_they_depend_on():
    options = run.parse(["--only", "latency-own-rate", "--rivals", "picows,trioweb"])
    planned = [(workload.name, names) for workload, names in run.plan(options)]
    assert planned == [("echo-32", ["trioweb", "picows"]), ("latency-own-rate", ["trioweb", "picows"])]


def test_bars_alone_need_no_more_than_they_compare():
    planned = {workload.name: set(names) for workload, names in run.plan(run.parse(["--bars"]))}
    assert planned == bars.needed()
    assert planned["broadcast-1000-10-stalled"] == {rivals.OURS}


def test_an_unknown_rival_is_refused_with_the_names_of_all(capsys):
    with pytest.raises(SystemExit):
        run.parse(["--rivals", "trioweb,nobody"])
    complaint = capsys.readouterr().err
    assert "there is no nobody; there are trioweb, bare-trio" in complaint
