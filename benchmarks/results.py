"""The figures of several rounds: their medians, and their form in JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

BUSY_SHARE = 0.9
"""Above this share of a core, the figure may be the generator's rather than the server's."""

WAITED_SHARE = 0.1
"""If a process that could run had no core for more than this share of the time, others disturbed it."""

LATE_SHARE = 0.1
"""A paced generator is always busy; it must not be late by more than this share of a latency."""


@dataclass(frozen=True)
class Figure:
    """One quantity over all rounds."""

    median: float
    least: float
    most: float


@dataclass(frozen=True)
class Cell:
    """What one rival did in one workload.

    Attributes:
        figures: By the load generator's names for them; empty if every round failed.
        rounds: How many succeeded.
        failures: Why the other rounds failed, each sentence once.
    """

    figures: Mapping[str, Figure] = field(default_factory=dict)
    rounds: int = 0
    failures: tuple[str, ...] = ()

    @property
    def is_generator_bound(self) -> bool:
        """Whether the generator was so busy that the row proves little about the rival."""
        if self.rounds == 0:
            return False
        if late := self.figures.get("late_p50_us"):
            return late.median > LATE_SHARE * self.figures["p50_us"].median
        return self.figures["own_cpu_share"].median > BUSY_SHARE

    @property
    def is_disturbed(self) -> bool:
        """Whether other programs used the cores of the server or the generator much of the time."""
        shares = [self.figures.get(name) for name in ("waited_share", "own_waited_share")]
        return any(share is not None and share.median > WAITED_SHARE for share in shares)


Run = Mapping[str, Any]
"""What the generator prints; it has `failure` if the run failed."""


@dataclass
class Results:
    """A whole comparison.

    Attributes:
        machine: Where and when.
        versions: The versions of every rival's packages.
        settings: The options of the run.
        missing: What could not be measured here, in sentences.
        cells: By workload, then by rival.
    """

    machine: dict[str, str] = field(default_factory=dict)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    cells: dict[str, dict[str, Cell]] = field(default_factory=dict)

    def median(self, workload: str, rival: str, figure: str) -> float | None:
        """Return one figure, or `None` where there is none."""
        cell = self.cells.get(workload, {}).get(rival)
        found = cell.figures.get(figure) if cell else None
        return found.median if found else None


def gathered(runs: Sequence[Run]) -> Cell:
    """Bring the rounds of one cell together."""
    good = [run for run in runs if "failure" not in run]
    names = [name for name, value in good[0].items() if isinstance(value, int | float)] if good else []
    figures = {}
    for name in names:
        values = [float(run[name]) for run in good if name in run]
        figures[name] = Figure(statistics.median(values), min(values), max(values))
    failures = dict.fromkeys(str(run["failure"]) for run in runs if "failure" in run)
    return Cell(figures, len(good), tuple(failures))


def write(results: Results, path: Path) -> None:
    """Write everything as JSON."""
    path.write_text(json.dumps(asdict(results), indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Results:
    """Read what `write` wrote."""
    held = json.loads(path.read_text(encoding="utf-8"))
    held["cells"] = {
        workload: {rival: _cell(cell) for rival, cell in cells.items()}
        for workload, cells in held["cells"].items()
    }
    return Results(**held)


def _cell(held: dict[str, Any]) -> Cell:
    figures = {name: Figure(**figure) for name, figure in held["figures"].items()}
    return Cell(figures, held["rounds"], tuple(held["failures"]))
