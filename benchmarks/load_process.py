"""A program that puts load on another: run on a core of its own, and its report."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any

from server_process import chosen_cores, on_cores

LOAD_SECONDS = 120
"""A program limits its own time; this is for the case that it fails to."""


def report_of(name: str, command: Sequence[str]) -> dict[str, Any]:
    """Run a program and return the JSON that it prints, or why there is none as its `failure`."""
    with on_cores(chosen_cores()[1]):
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    try:
        printed, complaint = process.communicate(timeout=LOAD_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return {"failure": f"the {name} did not end within {LOAD_SECONDS} seconds"}
    try:
        report: dict[str, Any] = json.loads(printed)
    except ValueError:
        # The last line of an exception group is only a frame around it.
        told = [line for line in complaint.splitlines() if any(map(str.isalnum, line))]
        return {
            "failure": f"the {name} printed no report: {(told or [f'status {process.returncode}'])[-1].strip()}"
        }
    return report
