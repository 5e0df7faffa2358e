"""Run the Autobahn suite against trioweb and compare with the expected table.

python conformance/autobahn.py                     every case for a server, some minutes
python conformance/autobahn.py --client            the same for the client
python conformance/autobahn.py --quick             all but the long ones, half a minute
python conformance/autobahn.py --cases '6.*' 7.7.1   cases or patterns
python conformance/autobahn.py --write             renew the table and its page

The exit status is 0 when every case is as `expected_server.json` or `expected_client.json`
says, 1 when one is not, 2 when the suite could not be run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import client_side
import server_side
import suite
import verdicts

FOLDER = Path(__file__).resolve().parent
EXPECTED = {side: FOLDER / f"expected_{side}.json" for side in ("server", "client")}
PAGE = FOLDER.parent / "docs" / "reference" / "conformance.md"
REPORTS = FOLDER.parent / ".build" / "conformance"

# Categories 9, 12 and 13 hold nine tenths of the time; a few of their cases stand for them.
QUICK_WITHOUT = ("-9.*", "-12.*", "-13.*")
QUICK_SAMPLE = ("9.1.1", "9.2.1", "9.3.1", "9.4.1", "9.7.1", "12.1.1", "12.1.3", "12.2.1", "13.3.1", "13.7.1")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--quick", action="store_true", help="leave out the long cases")
    which.add_argument("--cases", nargs="+", metavar="CASE", help="ids or patterns such as 6.*")
    parser.add_argument("--without", nargs="+", default=[], metavar="CASE", help="leave these out")
    parser.add_argument("--client", action="store_true", help="try the client instead of a server")
    parser.add_argument("--no-fast-lane", action="store_true", help="let wsproto parse every frame")
    parser.add_argument("--write", action="store_true", help="update the expected table and its page")
    return parser.parse_args(arguments)


def chosen(options: argparse.Namespace) -> list[list[str]]:
    """Turn the options into groups of cases."""
    without = [f"-{case}" for case in options.without]
    if options.quick:
        return [[*QUICK_WITHOUT, *without], [*QUICK_SAMPLE, *without]]
    return [[*(options.cases or []), *without]]


def run_cases(options: argparse.Namespace, side: str) -> verdicts.Verdicts:
    """Run what was asked for."""
    lane = "plain" if options.no_fast_lane else "fast"
    arguments = ["--no-fast-lane"] if options.no_fast_lane else []
    run = {"server": server_side.run_cases, "client": client_side.run_cases}[side]
    return run(chosen(options), arguments, REPORTS / side / lane)


def renew(found: verdicts.Verdicts, side: str) -> int:
    """Write the table and the page of both, unless a case went worse than a table may say."""
    wrong = [case for case, pair in found.items() if not set(pair) <= set(verdicts.ACCEPTABLE)]
    if wrong:
        print(f"Nothing was written, for these went wrong: {', '.join(wrong)}")
        return 1
    tables = {name: verdicts.read(path) for name, path in EXPECTED.items()}
    tables[side] = verdicts.merged(found, tables[side])
    verdicts.write(EXPECTED[side], tables[side])
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(verdicts.markdown_page(**tables), encoding="utf-8")
    print(f"Wrote {EXPECTED[side].name} and {PAGE.name}, {len(tables[side])} cases")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, compare, and return the exit status."""
    options = parse(arguments)
    side = "client" if options.client else "server"
    try:
        found = run_cases(options, side)
    except suite.SuiteError as error:
        print(error, file=sys.stderr)
        return 2
    print(verdicts.plain_table(found))
    if options.write:
        return renew(found, side)
    is_whole = not (options.quick or options.cases or options.without)
    wrong = list(verdicts.surprises(found, verdicts.read(EXPECTED[side]), is_whole=is_whole))
    print(*wrong or [f"All {len(found)} cases are as expected"], sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
