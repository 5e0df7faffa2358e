from __future__ import annotations

import report
import rivals
import workloads
from results import Cell, Figure


def line_of(text, heading, title):
    """Return the line of a rival below a heading."""
    _, _, below = text.partition(heading)
    return next(line for line in below.splitlines() if line.startswith(f"  {title} "))


def test_every_workload_and_rival_is_in_the_text(made_up):
    text = report.text(made_up)
    for workload in workloads.WORKLOADS:
        block = text.partition(f"{workload.title} (")[2].partition("\n\n")[0]
        for name in workload.rivals:
            assert rivals.BY_NAME[name].title in block


def test_a_line_has_median_least_most_and_the_multiple_of_trioweb(made_up):
    line = line_of(report.text(made_up), "(echo-32)", "bare Trio stream")
    assert line.split()[3:7] == ["20.00", "19.00", "21.00", "2.00"]


def test_the_head_says_where_when_and_with_which_versions(made_up):
    made_up.missing = ["tls-32: needs TLS"]
    head = report.text(made_up).partition("\n\n")[0]
    for words in (
        "2026-01-02",
        "A <fast> & good CPU",
        "Linux 9",
        "Python 3.99",
        "trio 0.99",
        "tls-32: needs TLS",
    ):
        assert words in head


def test_a_busy_machine_is_warned_of(made_up):
    assert "WARNING" not in report.text(made_up)
    made_up.machine["busy_percent_at_start"] = "40"
    assert "WARNING: other programs used 40 %" in report.text(made_up)


def test_a_row_is_marked_when_others_had_the_core(made_up):
    text = report.text(made_up)
    assert not [line for line in text.splitlines() if line.startswith("  ") and "~" in line]
    share = Figure(0.4, 0.4, 0.4)
    cell = made_up.cells["echo-32"]["bare-trio"]
    made_up.cells["echo-32"]["bare-trio"] = Cell(cell.figures | {"waited_share": share}, 3)
    assert "20.00~" in line_of(report.text(made_up), "(echo-32)", "bare Trio stream")
    assert "~" in next(line for line in report.text(made_up).splitlines() if "trioweb / bare Trio" in line)


def test_a_failure_is_in_its_cell(made_up):
    made_up.cells["echo-32"]["picows"] = Cell(failures=("it broke",))
    assert (
        line_of(report.text(made_up), "(echo-32)", "picows, uvloop").split(None, 2)[2] == "failed: it broke"
    )
