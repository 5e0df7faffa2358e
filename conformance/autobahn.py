"""Run the Autobahn suite against trioweb and compare with the expected table.

python conformance/autobahn.py                     every case, some minutes
python conformance/autobahn.py --quick             all but the long ones, half a minute
python conformance/autobahn.py --cases '6.*' 7.7.1   cases or patterns
python conformance/autobahn.py --write             renew the table and its page

The exit status is 0 when every case is as `expected.json` says, 1 when one is not, 2 when
the suite could not be run.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import suite
import verdicts

FOLDER = Path(__file__).resolve().parent
EXPECTED = FOLDER / "expected.json"
PAGE = FOLDER.parent / "docs" / "reference" / "conformance.md"
REPORTS = FOLDER.parent / ".build" / "conformance"

STOP_SECONDS = 20

# Categories 9, 12 and 13 hold nine tenths of the time; a few of their cases stand for them.
QUICK_WITHOUT = ("-9.*", "-12.*", "-13.*")
QUICK_SAMPLE = ("9.1.1", "9.2.1", "9.3.1", "9.4.1", "9.7.1", "12.1.1", "12.1.3", "12.2.1", "13.3.1", "13.7.1")


@contextmanager
def echo_server(*options: str) -> Iterator[str]:
    """Run the server under test in a process of its own, and yield its WebSocket URL."""
    command = [sys.executable, str(FOLDER / "echo_server.py"), *options]
    log = REPORTS / "echo_server.log"
    REPORTS.mkdir(parents=True, exist_ok=True)
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            raise suite.SuiteError(f"the echo server did not start: see {log}")
        try:
            yield url.replace("http", "ws", 1)
            if process.poll() is not None:
                raise suite.SuiteError(f"the echo server ended with status {process.returncode}: see {log}")
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
    if process.returncode:
        raise suite.SuiteError(f"the echo server ended with status {process.returncode}: see {log}")


def run_cases(groups: Sequence[Sequence[str]], lane: str) -> verdicts.Verdicts:
    """Run each group of cases against one server; `lane` is "fast" or "plain"."""
    program = suite.install()
    found: verdicts.Verdicts = {}
    with echo_server(*(["--no-fast-lane"] if lane == "plain" else [])) as url:
        for number, cases in enumerate(groups, 1):
            folder = REPORTS / lane / str(number)
            found |= verdicts.of_report(suite.run(program, url, cases, folder))
            print(f"Report: {folder / 'index.html'}", flush=True)
    return found


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--quick", action="store_true", help="leave out the long cases")
    which.add_argument("--cases", nargs="+", metavar="CASE", help="ids or patterns such as 6.*")
    parser.add_argument("--without", nargs="+", default=[], metavar="CASE", help="leave these out")
    parser.add_argument("--no-fast-lane", action="store_true", help="let wsproto parse every frame")
    parser.add_argument("--write", action="store_true", help="update expected.json and its page")
    return parser.parse_args(arguments)


def chosen(options: argparse.Namespace) -> list[list[str]]:
    """Turn the options into groups of cases."""
    without = [f"-{case}" for case in options.without]
    if options.quick:
        return [[*QUICK_WITHOUT, *without], [*QUICK_SAMPLE, *without]]
    return [[*(options.cases or []), *without]]


def renew(found: verdicts.Verdicts, expected: verdicts.Verdicts) -> int:
    """Write the table and its page, unless a case went worse than a table may say."""
    wrong = [case for case, pair in found.items() if not set(pair) <= set(verdicts.ACCEPTABLE)]
    if wrong:
        print(f"Nothing was written, for these went wrong: {', '.join(wrong)}")
        return 1
    table = verdicts.merged(found, expected)
    verdicts.write(EXPECTED, table)
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(verdicts.markdown_page(table), encoding="utf-8")
    print(f"Wrote {EXPECTED.name} and {PAGE.name}, {len(table)} cases")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, compare, and return the exit status."""
    options = parse(arguments)
    try:
        found = run_cases(chosen(options), "plain" if options.no_fast_lane else "fast")
    except suite.SuiteError as error:
        print(error, file=sys.stderr)
        return 2
    print(verdicts.plain_table(found))
    expected = verdicts.read(EXPECTED)
    if options.write:
        return renew(found, expected)
    is_whole = not (options.quick or options.cases or options.without)
    wrong = list(verdicts.surprises(found, expected, is_whole=is_whole))
    print(*wrong or [f"All {len(found)} cases are as expected"], sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
