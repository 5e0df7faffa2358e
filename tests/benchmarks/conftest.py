from __future__ import annotations

import pytest
import workloads
from results import Cell, Figure, Results

FIGURES = ("per_second", "cpu_share", "own_cpu_share", "p50_us", "p90_us", "p99_us", "p999_us", "cpu_us")


def cell(figure, value):
    figures = dict.fromkeys(FIGURES, Figure(0.5, 0.4, 0.6))
    return Cell(figures | {figure: Figure(value, value - 1, value + 1)}, rounds=3)


@pytest.fixture
def made_up():
    """Invented results: in every workload, 10 for the first rival, 20 for the second..."""
    cells = {
        workload.name: {
            name: cell(workload.figure, 10.0 * place) for place, name in enumerate(workload.rivals, 1)
        }
        for workload in workloads.WORKLOADS
    }
    machine = {
        "date": "2026-01-02",
        "cpu": "A <fast> & good CPU",
        "cores": "2",
        "kernel": "Linux 9",
        "python": "3.99",
    }
    return Results(machine, {"trioweb": {"trio": "0.99"}}, {"rounds": 3, "seconds": 1.5}, cells=cells)
