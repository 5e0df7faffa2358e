"""The suite's fuzzing server against trioweb's client."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import suite
import verdicts

PROGRAM = Path(__file__).resolve().with_name("echo_client.py")


def run_cases(groups: Sequence[Sequence[str]], options: Sequence[str], reports: Path) -> verdicts.Verdicts:
    """Run each group of cases with a client and a fuzzing server of its own."""
    program = suite.install()
    found: verdicts.Verdicts = {}
    for number, cases in enumerate(groups, 1):
        folder = reports / str(number)
        with suite.fuzzing_server(program, cases, folder) as server:
            _visit(server, options, folder / "echo_client.log")
        found |= verdicts.of_report(suite.results(folder, server.planned))
        print(f"Report: {folder / 'index.html'}", flush=True)
    return found


def _visit(server: suite.FuzzingServer, options: Sequence[str], log: Path) -> None:
    """Let the client under test go through all cases.

    Raises:
        suite.SuiteError: It failed, or took too long.
    """
    command = [sys.executable, str(PROGRAM), server.url, str(server.planned), *options]
    with log.open("wb") as output:
        try:
            done = subprocess.run(
                command, check=False, stdout=output, stderr=output, timeout=suite.RUN_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise suite.SuiteError(f"the echo client did not end: see {log}") from None
    if done.returncode:
        raise suite.SuiteError(f"the echo client ended with status {done.returncode}: see {log}")
