from __future__ import annotations

import xml.etree.ElementTree as ET

import chart
import pytest
import rivals
import workloads
from results import Cell

SVG = "{http://www.w3.org/2000/svg}"
CHARTED = [workload for workload in workloads.WORKLOADS if workload.chart_title]


@pytest.fixture(params=[chart.LIGHT, chart.DARK])
def colours(request):
    return chart.SCHEMES[request.param]


def texts(drawing):
    return [element.text for element in ET.fromstring(drawing).iter(f"{SVG}text")]


def test_the_chart_is_xml_with_a_title_and_a_description(made_up, colours):
    root = ET.fromstring(chart.draw(made_up, colours))
    assert root.tag == f"{SVG}svg"
    labels = root.get("aria-labelledby").split()
    assert [root.find(f"*[@id='{label}']").tag for label in labels] == [f"{SVG}title", f"{SVG}desc"]
    assert "picows, uvloop" in root.find(f"{SVG}desc").text


def test_every_main_workload_has_a_panel_and_every_rival_a_bar_in_some(made_up, colours):
    found = texts(chart.draw(made_up, colours))
    assert {workload.chart_title for workload in CHARTED} <= set(found)
    assert {rival.title for rival in rivals.RIVALS} <= set(found)


def test_the_footer_says_when_and_where(made_up, colours):
    foot = texts(chart.draw(made_up, colours))[-1]
    assert foot == "2026-01-02, A <fast> & good CPU, 2 cores, Linux 9, Python 3.99"


def test_bars_are_as_long_as_their_figures_and_the_shortest_is_first(made_up):
    workload = workloads.BY_NAME["echo-32"]
    ordered = chart.rows(workload, made_up.cells["echo-32"])
    assert [row.value for row in ordered] == sorted(row.value for row in ordered)
    made_up.cells["echo-32"]["picows"] = Cell(failures=("it broke",))
    assert chart.rows(workload, made_up.cells["echo-32"])[-1] == chart.Row("picows", None)


def test_a_rival_that_failed_is_marked_as_failed(made_up, colours):
    made_up.cells["echo-32"]["picows"] = Cell(failures=("it broke",))
    assert texts(chart.draw(made_up, colours)).count("failed") == 1


def test_a_workload_that_was_not_measured_has_no_panel(made_up, colours):
    del made_up.cells["echo-64k"]
    assert "Echo, 64 KiB" not in texts(chart.draw(made_up, colours))


def test_nothing_is_drawn_outside_the_picture(made_up, colours):
    root = ET.fromstring(chart.draw(made_up, colours))
    height = float(root.get("height"))
    for element in root.iter(f"{SVG}text"):
        assert chart.MARGIN <= float(element.get("x")) <= chart.WIDTH - chart.MARGIN
        assert 0 < float(element.get("y")) < height


def test_both_schemes_are_written(made_up):
    assert list(chart.charts(made_up)) == ["benchmarks-light.svg", "benchmarks-dark.svg"]
