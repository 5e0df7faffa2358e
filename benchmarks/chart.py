"""The main figures as a picture: one panel for each of the main workloads, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

import rivals
import workloads
from results import Cell, Results
from workloads import CPU, KIB, MEMORY, Workload

LIGHT, DARK = "benchmarks-light.svg", "benchmarks-dark.svg"

# All lengths are in units of the picture, which a README shows at about its natural size.
WIDTH = 880
MARGIN = 28
COLUMNS = 2
GUTTER = 40
PANEL_WIDTH = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GUTTER) / COLUMNS
HEAD_HEIGHT = 96
PANEL_HEAD = 50
ROW_HEIGHT = 23
BAR_HEIGHT = 14
PANEL_GAP = 30
FOOT_HEIGHT = 58
NAME_WIDTH = 146
VALUE_WIDTH = 100
BAR_WIDTH = PANEL_WIDTH - NAME_WIDTH - VALUE_WIDTH
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

TIMES = "\N{MULTIPLICATION SIGN}"
TITLE = "What a message costs the server"
SUBTITLE = f"Shorter is better. Each panel has a scale of its own; {TIMES} is a multiple of trioweb's figure."


@dataclass(frozen=True)
class Colours:
    """One scheme."""

    paper: str
    line: str
    ink: str
    soft: str
    accent: str
    neutral: str


SCHEMES = {
    LIGHT: Colours("#ffffff", "#dde2e9", "#1b2230", "#586477", "#0f766e", "#c2cad6"),
    DARK: Colours("#0f131a", "#29323f", "#e7ebf2", "#9ba7ba", "#2dd4bf", "#414c5c"),
}


@dataclass(frozen=True)
class Row:
    """One bar; a bar without a value means that the rival failed."""

    name: str
    value: float | None


def rows(workload: Workload, cells: dict[str, Cell]) -> list[Row]:
    """Return the bars of a panel, the shortest first and those that failed last."""
    found = []
    for name, cell in cells.items():
        figure = cell.figures.get(workload.figure)
        found.append(Row(name, figure.median if figure else None))
    return sorted(found, key=lambda row: float("inf") if row.value is None else row.value)


def charts(results: Results) -> dict[str, str]:
    """Draw the chart in each colour scheme; the keys are file names."""
    return {name: draw(results, colours) for name, colours in SCHEMES.items()}


def draw(results: Results, colours: Colours) -> str:
    """Draw the chart."""
    panels = [
        (workload, rows(workload, results.cells[workload.name]))
        for workload in workloads.WORKLOADS
        if workload.chart_title and workload.name in results.cells
    ]
    body: list[str] = []
    top = float(HEAD_HEIGHT)
    for start in range(0, len(panels), COLUMNS):
        together = panels[start : start + COLUMNS]
        for column, (workload, bars) in enumerate(together):
            left = MARGIN + column * (PANEL_WIDTH + GUTTER)
            body += _panel(workload, bars, left, top, colours)
        most = max(len(bars) for _, bars in together)
        top += PANEL_HEAD + most * ROW_HEIGHT + PANEL_GAP
    height = round(top + FOOT_HEIGHT - PANEL_GAP / 2)
    parts = [*_head(panels, height, colours), *body, *_foot(results, height, colours), "</svg>"]
    return "\n".join(parts) + "\n"


def _head(panels: list[tuple[Workload, list[Row]]], height: int, colours: Colours) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
        f' height="{height}" role="img" aria-labelledby="chart-title chart-description"'
        f' font-family="{FONT}">'
    )
    yield f'<title id="chart-title">{TITLE}</title>'
    yield f'<desc id="chart-description">{escape(_description(panels))}</desc>'
    yield (
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="14"'
        f' fill="{colours.paper}" stroke="{colours.line}"/>'
    )
    yield _text(MARGIN, 44, TITLE, colours.ink, size=21, weight=650)
    yield _text(MARGIN, 68, SUBTITLE, colours.soft, size=13.5)


def _description(panels: list[tuple[Workload, list[Row]]]) -> str:
    sentences = []
    for workload, bars in panels:
        listed = ", ".join(f"{rivals.BY_NAME[bar.name].title} {_value(workload, bar)}" for bar in bars)
        sentences.append(f"{workload.chart_title} ({_unit(workload)}): {listed}.")
    return " ".join(sentences)


def _panel(workload: Workload, bars: list[Row], left: float, top: float, colours: Colours) -> Iterator[str]:
    yield _text(left, top + 15, workload.chart_title or "", colours.ink, size=15, weight=650)
    yield _text(left, top + 33, _unit(workload), colours.soft, size=12.5)
    longest = max((bar.value for bar in bars if bar.value is not None), default=0.0) or 1.0
    ours = next((bar.value for bar in bars if bar.name == rivals.OURS), None)
    axis = left + NAME_WIDTH
    for number, bar in enumerate(bars):
        yield from _bar(workload, bar, axis, top + PANEL_HEAD + number * ROW_HEIGHT, longest, ours, colours)
    bottom = top + PANEL_HEAD + len(bars) * ROW_HEIGHT - (ROW_HEIGHT - BAR_HEIGHT) + 3
    yield (
        f'<line x1="{axis:.1f}" x2="{axis:.1f}" y1="{top + PANEL_HEAD - 3:.1f}" y2="{bottom:.1f}"'
        f' stroke="{colours.soft}" stroke-opacity="0.6"/>'
    )


def _bar(
    workload: Workload,
    bar: Row,
    axis: float,
    top: float,
    longest: float,
    ours: float | None,
    colours: Colours,
) -> Iterator[str]:
    is_ours = bar.name == rivals.OURS
    weight = 650 if is_ours else 400
    baseline = top + BAR_HEIGHT - 2.5
    name = rivals.BY_NAME[bar.name].title
    ink = colours.accent if is_ours else colours.ink
    yield _text(axis - 9, baseline, name, ink, size=13, weight=weight, anchor="end")
    if bar.value is None:
        yield _text(axis + 8, baseline, "failed", colours.soft, size=12.5, style="italic")
        return
    width = max(BAR_WIDTH * bar.value / longest, 1.5)
    yield (
        f'<path d="{_rounded(axis, top, width)}" {_fill(bar.name, colours)}>'
        f"<title>{escape(name)}: {escape(_value(workload, bar))}</title></path>"
    )
    yield _text(axis + width + 7, baseline, _value(workload, bar), ink, size=12.5, weight=weight)
    if ours and not is_ours:
        place = axis + BAR_WIDTH + VALUE_WIDTH
        yield _text(
            place, baseline, f"{_rounded_ratio(bar.value / ours)}{TIMES}", colours.soft, size=12, anchor="end"
        )


def _fill(name: str, colours: Colours) -> str:
    if name == rivals.OURS:
        return f'fill="{colours.accent}"'
    if name == rivals.FLOOR:  # not a WebSocket server, so it is only outlined
        return (
            f'fill="{colours.neutral}" fill-opacity="0.25" stroke="{colours.neutral}" stroke-dasharray="3 2"'
        )
    return f'fill="{colours.neutral}"'


def _rounded(left: float, top: float, width: float) -> str:
    """Return a bar with a rounded far end; the near end is on the axis."""
    radius = min(3.0, width)
    return (
        f"M{left:.1f} {top:.1f}h{width - radius:.1f}q{radius:.1f} 0 {radius:.1f} {radius:.1f}"
        f"v{BAR_HEIGHT - 2 * radius:.1f}q0 {radius:.1f} {-radius:.1f} {radius:.1f}h{radius - width:.1f}z"
    )


def _unit(workload: Workload) -> str:
    if workload.figure == MEMORY:
        return f"KiB of memory for each {workload.unit}, {workload.connections:,} of them"
    what = "µs of CPU time for each" if workload.figure == CPU else "µs for each"
    senders = 1 if workload.mode == "fanout" else workload.connections
    plural = "connections" if senders > 1 else "publisher"
    return f"{what} {workload.unit}, {senders:,} {plural}"


def _value(workload: Workload, bar: Row) -> str:
    if bar.value is None:
        return "failed"
    value = bar.value / KIB if workload.figure == MEMORY else bar.value
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _rounded_ratio(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2f}"


def _foot(results: Results, height: int, colours: Colours) -> Iterator[str]:
    machine, settings = results.machine, results.settings
    where = ", ".join(
        [
            machine.get("date", "no date"),
            machine.get("cpu", "unknown CPU"),
            f"{machine.get('cores', '?')} cores",
            machine.get("kernel", "unknown kernel"),
            f"Python {machine.get('python', '?')}",
        ]
    )
    rounds = settings.get("rounds", "?")
    how = (
        f"Median of {rounds} {'round' if rounds == 1 else 'rounds'}, each server on a core of its own. "
        "Dashed: a Trio stream that sends bytes back unread; not a WebSocket server."
    )
    yield _text(MARGIN, height - 38, how, colours.soft, size=11.5)
    yield _text(MARGIN, height - 20, where, colours.soft, size=11.5)


def _text(
    left: float,
    baseline: float,
    words: str,
    colour: str,
    *,
    size: float,
    weight: int = 400,
    anchor: str = "start",
    style: str = "normal",
) -> str:
    return (
        f'<text x="{left:.1f}" y="{baseline:.1f}" fill="{colour}" font-size="{size}" font-weight="{weight}"'
        f' text-anchor="{anchor}" font-style="{style}">{escape(words)}</text>'
    )
