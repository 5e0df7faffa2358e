"""Goals for trioweb: the highest acceptable ratio of its figure to another server's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import rivals
import workloads
from results import Cell, Results


@dataclass(frozen=True)
class Bar:
    """One promise.

    Attributes:
        workload: The workload of trioweb's figure.
        rival: The server whose figure it is divided by.
        at_most: The highest acceptable ratio.
        against: The workload of the rival's figure, if it is a different one.
    """

    workload: str
    rival: str
    at_most: float
    against: str | None = None

    @property
    def base(self) -> str:
        """The workload of the rival's figure."""
        return self.against or self.workload

    def is_disturbed(self, results: Results) -> bool:
        """Whether other programs used the core while either side was measured."""
        sides = ((self.workload, rivals.OURS), (self.base, self.rival))
        return any(results.cells.get(name, {}).get(rival, Cell()).is_disturbed for name, rival in sides)

    def ratio(self, results: Results) -> float | None:
        """Return the measured ratio, or `None` if one of the figures is missing."""
        figure = workloads.BY_NAME[self.workload].figure
        ours = results.median(self.workload, rivals.OURS, figure)
        theirs = results.median(self.base, self.rival, figure)
        return ours / theirs if ours is not None and theirs else None


BARS = (
    Bar("echo-32", "bare-trio", 0.70),
    Bar("echo-32", "websockets-trio", 0.20),
    Bar("echo-32", "websockets-asyncio", 0.50),
    Bar("echo-32", "uvicorn-websockets", 0.75),
    Bar("echo-32", "aiohttp-asyncio", 1.0),
    Bar("echo-32-deep", "websockets-trio", 0.045),
    Bar("echo-32-deep", "websockets-asyncio", 0.16),
    Bar("echo-32-deep", "aiohttp-asyncio", 0.32),
    Bar("echo-32-deep", "picows", 0.55),
    Bar("echo-32-deep", "node-ws", 0.55),
    Bar("echo-64k", "websockets-asyncio", 1.0),
    Bar("echo-1m", "websockets-asyncio", 0.7),
    Bar("broadcast-1000", "websockets-asyncio", 0.6),
    Bar("broadcast-1000", "node-ws", 0.85),
    Bar("handshakes", "websockets-asyncio", 0.9),
    Bar("handshakes", "websockets-trio", 0.35),
    Bar("idle-5000", "websockets-asyncio", 0.7),
    Bar("idle-5000", "aiohttp-asyncio", 0.75),
    Bar("client-32", "websockets-trio", 0.5),
    Bar("client-32", "aiohttp-asyncio", 1.0),
    Bar("client-32-deep", "websockets-trio", 0.5),
    Bar("client-32-deep", "aiohttp-asyncio", 1.0),
    Bar("broadcast-1000-10-stalled", rivals.OURS, 1.1, against="broadcast-1000"),
)


def needed() -> dict[str, set[str]]:
    """Return which servers every workload needs so that all bars can be computed."""
    cells: dict[str, set[str]] = {}
    for bar in BARS:
        cells.setdefault(bar.workload, set()).add(rivals.OURS)
        cells.setdefault(bar.base, set()).add(bar.rival)
    return cells


def lines(results: Results) -> Iterator[str]:
    """Write a line for each bar: what it compares, the ratio, the goal, and whether it is met."""
    width = max(len(_label(bar)) for bar in BARS)
    for bar in BARS:
        ratio = bar.ratio(results)
        if ratio is None:
            measured, verdict = "    -", "not measured"
        else:
            measured, verdict = f"{ratio:5.3f}", "met" if ratio <= bar.at_most else "NOT MET"
            verdict += "  ~" if bar.is_disturbed(results) else ""
        yield f"{_label(bar):<{width}}  {measured}  at most {bar.at_most:<5g}  {verdict}"


def _label(bar: Bar) -> str:
    workload = workloads.BY_NAME[bar.workload]
    beside = "itself without them" if bar.rival == rivals.OURS else rivals.BY_NAME[bar.rival].title
    return f"{workload.title}: trioweb / {beside}"
