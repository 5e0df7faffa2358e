"""The suite's fuzzing client against a trioweb server."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import suite
import verdicts

PROGRAM = Path(__file__).resolve().with_name("echo_server.py")

STOP_SECONDS = 20


def run_cases(groups: Sequence[Sequence[str]], options: Sequence[str], reports: Path) -> verdicts.Verdicts:
    """Run each group of cases against one server."""
    program = suite.install()
    found: verdicts.Verdicts = {}
    with _echo_server(options, reports) as url:
        for number, cases in enumerate(groups, 1):
            folder = reports / str(number)
            found |= verdicts.of_report(suite.run_fuzzing_client(program, url, cases, folder))
            print(f"Report: {folder / 'index.html'}", flush=True)
    return found


@contextmanager
def _echo_server(options: Sequence[str], reports: Path) -> Iterator[str]:
    """Run the server under test in a process of its own, and yield its WebSocket URL."""
    reports.mkdir(parents=True, exist_ok=True)
    log = reports / "echo_server.log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [sys.executable, str(PROGRAM), *options], stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
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
