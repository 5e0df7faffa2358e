"""Compare trioweb with its rivals: `python benchmarks/run.py [--quick]`.

Results go to .build/bench/results: a table, JSON and a chart. The exit status is 0 when
everything was measured, whatever the figures; 2 when nothing could be.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import bars
import building
import chart
import environment
import machine
import measure
import report
import results
import rivals
import workloads
from building import EnvironmentFailure
from environment import Environment
from measure import Durations
from results import Results
from workloads import Workload

OUTPUT = building.HOME / "results"
PUBLISHED = building.FOLDER / "results"
IMAGES = building.ROOT / "docs" / "images"
QUICK = Durations(rounds=2, seconds=1.0, warm_seconds=0.2)
TABLE, DATA = "results.txt", "results.json"


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="the most telling workloads, in under three minutes"
    )
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", choices=list(workloads.BY_NAME), help="workloads"
    )
    parser.add_argument("--rivals", type=_rival_names, metavar="A,B", help="with these alone")
    parser.add_argument("--bars", action="store_true", help="only what the bars compare")
    parser.add_argument("--rounds", type=int, help="instead of 5, or 2 with --quick")
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="FOLDER", help=f"instead of {OUTPUT}")
    parser.add_argument(
        "--publish", action="store_true", help="measure nothing; copy the last results into the project"
    )
    return parser.parse_args(arguments)


def _rival_names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in rivals.BY_NAME]:
        known = ", ".join(rivals.EVERYBODY)
        raise argparse.ArgumentTypeError(f"there is no {', '.join(unknown)}; there are {known}")
    return names


def plan(options: argparse.Namespace) -> list[tuple[Workload, list[str]]]:
    """Return each workload to measure, with the names of its servers."""
    wanted: set[str] = set(options.rivals or (rivals.QUICK if options.quick else rivals.EVERYBODY))
    everything = {workload.name: set(workload.rivals) for workload in workloads.WORKLOADS}
    chosen = bars.needed() if options.bars else everything
    if options.only:
        chosen = {name: names for name, names in chosen.items() if name in options.only}
    elif options.quick:
        chosen = {name: names for name, names in chosen.items() if workloads.BY_NAME[name].is_quick}
    for name in list(chosen):
        if base := workloads.BY_NAME[name].half_of:
            chosen[base] = chosen.get(base, set()) | chosen[name]
    return [
        (workload, names)
        for workload in workloads.WORKLOADS
        if (names := [name for name in workload.rivals if name in chosen.get(workload.name, set()) & wanted])
    ]


def compare(place: Environment, options: argparse.Namespace) -> Results:
    """Measure everything that was asked for."""
    durations = QUICK if options.quick else Durations()
    durations = Durations(options.rounds or durations.rounds, durations.seconds, durations.warm_seconds)
    versions = machine.installed_versions(place)
    found = Results(
        machine=machine.describe(versions),
        versions=machine.of_rivals(versions),
        settings={"rounds": durations.rounds, "seconds": durations.seconds, "is_quick": options.quick},
    )
    for workload, names in plan(options):
        taking_part, missing = measure.participants(place, workload, names)
        found.missing += missing
        if not taking_part:
            continue
        measure.measure(place, workload, taking_part, durations, found, lambda line: print(line, flush=True))
        save(found, options.output)  # so that an interrupted run still leaves results
    return found


def save(found: Results, folder: Path) -> None:
    """Write the table, JSON and both charts."""
    folder.mkdir(parents=True, exist_ok=True)
    results.write(found, folder / DATA)
    (folder / TABLE).write_text(report.text(found), encoding="utf-8")
    for name, drawing in chart.charts(found).items():
        (folder / name).write_text(drawing, encoding="utf-8")


def publish(folder: Path) -> int:
    """Copy the last run's results into the documentation."""
    if not (folder / DATA).exists():
        print(f"There is nothing in {folder} to publish; measure first", file=sys.stderr)
        return 2
    save(results.read(folder / DATA), folder)
    PUBLISHED.mkdir(exist_ok=True)
    for name, target in {TABLE: PUBLISHED, DATA: PUBLISHED, chart.LIGHT: IMAGES, chart.DARK: IMAGES}.items():
        shutil.copy(folder / name, target / name)
        print(f"Wrote {target / name}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write, and print the table with the bars at its end."""
    options = parse(arguments)
    if options.publish:
        return publish(options.output)
    began = time.monotonic()
    try:
        found = compare(environment.prepare(), options)
    except EnvironmentFailure as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nInterrupted; the workloads that were complete are in {options.output}", file=sys.stderr)
        return 130
    save(found, options.output)
    print(
        f"\n{report.text(found)}\nMeasured in {time.monotonic() - began:.0f} s; results in {options.output}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
