"""Count the instructions of the hot paths with valgrind, and compare with what was recorded.

python benchmarks/instructions/count.py            compare with `expected.json`
python benchmarks/instructions/count.py --write    record instead

The exit status is 0 when no path has become dearer by more than the bound, 1 when one has,
2 when nothing could be counted.
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import PackageNotFoundError

import callgrind
import record
from record import Comparison, Record

IN_PYTHON = ", masked in Python"


def count() -> Record:
    """Count every path, and those that mask a second time without the C function."""
    counts = callgrind.count(speedups=True)
    for path, instructions in callgrind.count(speedups=False).items():
        counts[path + IN_PYTHON] = instructions
    return Record(setting=record.this_setting(), instructions=counts)


def print_table(counted: Record, comparison: Comparison | None) -> None:
    """Print a line for each path, with its difference from the last record."""
    width = max(map(len, counted.instructions))
    print(f"{'instructions for each unit':{width}} {counted.setting.interpreter:>22}")
    for path, instructions in counted.instructions.items():
        part = comparison.differences[path] if comparison is not None else None
        mark = ""
        if comparison is not None and part is not None:
            mark = f" {part:+8.2%}" + ("  DEARER" if part > comparison.bound else "")
        print(f"{path:{width}} {instructions:22,.0f}{mark}")


def judge(comparison: Comparison) -> int:
    """Print the conclusion, and return the exit status."""
    for remark in comparison.remarks:
        print(remark)
    bound = f"{comparison.bound:.0%}"
    if comparison.cheaper:
        print(f"Cheaper by more than {bound}; record it with --write, so that it stays:")
        print_names(comparison.cheaper)
    if comparison.unknown:
        print("Not recorded; record it with --write:")
        print_names(comparison.unknown)
    if comparison.dearer:
        print(f"Dearer by more than {bound}:")
        print_names(comparison.dearer)
        print("Find out why. If it is worth its price, record it with --write and say so in the commit.")
        return 1
    print(f"No path is dearer by more than {bound}.")
    return 0


def print_names(paths: list[str]) -> None:
    """Print each path on a line of its own."""
    for path in paths:
        print(f"  {path}")


def main() -> int:
    """Count, then write or compare."""
    parser = argparse.ArgumentParser(description="Count the instructions of trioweb's hot paths.")
    parser.add_argument("--write", action="store_true", help="record the counts in expected.json")
    arguments = parser.parse_args()
    try:
        counted = count()
    except callgrind.CallgrindError as error:
        print(error, file=sys.stderr)
        return 2
    except PackageNotFoundError as error:
        print(f"{error}: counting needs trioweb[speedups]", file=sys.stderr)
        return 2
    if arguments.write:
        print_table(counted, None)
        record.write(counted)
        print(f"Recorded in {record.FILE.name}.")
        return 0
    try:
        comparison = record.compare(counted, record.read())
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print_table(counted, comparison)
    return judge(comparison)


if __name__ == "__main__":
    sys.exit(main())
