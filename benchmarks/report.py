"""The results as a text table."""

from __future__ import annotations

from collections.abc import Iterator

import bars
import rivals
import workloads
from results import Cell, Results
from workloads import CPU, LATENCY, MEMORY, Workload

NAME_WIDTH = 22
BUSY_PERCENT = 10
"""How much of the machine other programs may use before the table warns."""

FIGURES = {
    CPU: "us of CPU for each {unit}",
    MEMORY: "bytes for each {unit}",
    LATENCY: "us of latency, median",
}
PLURALS = {"message": "messages", "delivery": "deliveries", "handshake": "handshakes"}

NOTES = """\
least and most are over all rounds; server and generator are the shares of a core that each used.
* the generator was busy or late, so the rival may be better than this; for a client, its echo server was busy
~ other programs used one of the two cores for more than a tenth of the time, so the row proves little"""


def text(results: Results) -> str:
    """Write all measurements as text for people."""
    tables = [
        "\n".join(_table(workload, results.cells[workload.name]))
        for workload in workloads.WORKLOADS
        if workload.name in results.cells
    ]
    promises = "\n".join(["Bars: trioweb's figure over that of another", *bars.lines(results)])
    return "\n\n".join(["\n".join(_head(results)), *tables, promises]) + "\n"


def _head(results: Results) -> Iterator[str]:
    machine, settings = results.machine, results.settings
    yield (
        f"{machine.get('date', 'no date')}, {machine.get('cpu', 'unknown CPU')}, {machine.get('cores', '?')} cores, "
        f"{machine.get('kernel', 'unknown kernel')}, Python {machine.get('python', '?')}"
    )
    busy = int(machine.get("busy_percent_at_start", 0))
    if busy > BUSY_PERCENT:
        yield f"WARNING: other programs used {busy} % of this machine, so all figures are worse than they should be"
    yield f"Medians of up to {settings.get('rounds', '?')} rounds of {settings.get('seconds', '?')} s"
    versions = {name: version for of_rival in results.versions.values() for name, version in of_rival.items()}
    yield ", ".join(f"{name} {versions[name]}" for name in sorted(versions))
    yield from (f"Not measured: {sentence}" for sentence in results.missing)
    yield NOTES


def _table(workload: Workload, cells: dict[str, Cell]) -> Iterator[str]:
    yield f"{workload.title} ({workload.name}): {FIGURES[workload.figure].format(unit=workload.unit)}"
    headings = f"{'median':>11}  {'least':>11} {'most':>10} {'/ trioweb':>10}"
    if workload.figure != MEMORY:
        sides = ("client", "server") if workload.mode == "client" else ("server", "generator")
        headings += f" {PLURALS[workload.unit] + '/s':>13} {sides[0]:>7} {sides[1]:>10}"
    if workload.figure == LATENCY:
        headings += f" {'p90':>8} {'p99':>8} {'p99.9':>8} {'us of CPU':>10}"
    yield f"  {'':{NAME_WIDTH}}{headings}"
    ours = cells.get(rivals.OURS, Cell()).figures.get(workload.figure)
    for name, cell in cells.items():
        yield _row(workload, name, cell, ours.median if ours else None)


def _row(workload: Workload, name: str, cell: Cell, ours: float | None) -> str:
    title = f"  {rivals.BY_NAME[name].title:{NAME_WIDTH}}"
    figure = cell.figures.get(workload.figure)
    if figure is None:
        return f"{title}failed: {'; '.join(cell.failures) or 'nothing came back'}"
    mark = ("*" if cell.is_generator_bound else "") + ("~" if cell.is_disturbed else "")
    ratio = f"{figure.median / ours:.2f}" if ours else "-"
    line = f"{title}{figure.median:11,.2f}{mark:2}{figure.least:11,.2f} {figure.most:10,.2f} {ratio:>10}"
    if workload.figure != MEMORY:
        line += f" {_median(cell, 'per_second'):13,.0f}"
        line += f" {_median(cell, 'cpu_share'):7.0%} {_median(cell, 'own_cpu_share'):10.0%}"
    if workload.figure == LATENCY:
        line += "".join(f" {_median(cell, key):8,.0f}" for key in ("p90_us", "p99_us", "p999_us"))
        line += f" {_median(cell, CPU):10.1f}"
    return "  ".join([line, *_remarks(cell)])


def _remarks(cell: Cell) -> Iterator[str]:
    if cell.failures:
        yield f"failed in some rounds: {'; '.join(cell.failures)}"
    if (bare := _median(cell, "bare_ends")) > 0:
        yield f"{bare / max(_median(cell, 'done'), 1):.0%} ended without a close frame"


def _median(cell: Cell, key: str) -> float:
    figure = cell.figures.get(key)
    return figure.median if figure else 0.0
