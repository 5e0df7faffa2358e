"""Counting with valgrind, which runs a program instruction by instruction."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from hot_paths import HOT_PATHS
from program import WITHOUT_SPEEDUPS

FOLDER = Path(__file__).resolve().parent

# Everything is set here: the size of the environment moves the stack, and with it a few
# hash values; coverage, if it is on outside, must not be counted.
ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONPATH": str(FOLDER.parents[1]),
}

_TOTAL = re.compile(r"^totals: (\d+)$", re.MULTILINE)


class CallgrindError(Exception):
    """Valgrind is not installed, or could not count."""


def find() -> str:
    """Return valgrind's path."""
    path = shutil.which("valgrind")
    if path is None:
        raise CallgrindError("counting instructions needs valgrind (on Debian: the package valgrind)")
    return path


def version() -> str:
    """Return valgrind's version."""
    run = subprocess.run([find(), "--version"], capture_output=True, text=True, check=True)
    return run.stdout.strip().removeprefix("valgrind-")


def count(*, speedups: bool, seconds: float = 600) -> dict[str, float]:
    """Return what one unit of every path costs, in instructions.

    Args:
        speedups: Whether the C function does the masking; without it, only paths that mask are counted.
        seconds: How long it may take.

    Raises:
        CallgrindError: The counting failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        arguments = [] if speedups else [WITHOUT_SPEEDUPS]
        try:
            run = subprocess.run(
                [
                    find(),
                    "--tool=callgrind",
                    f"--callgrind-out-file={folder}/%p",
                    f"--log-file={folder}/%p.log",
                    sys.executable,
                    str(FOLDER / "program.py"),
                    *arguments,
                ],
                env=ENVIRONMENT,
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            raise CallgrindError(f"counting took more than {seconds:g} seconds") from None
        if run.returncode:
            raise CallgrindError(f"the counted program failed:\n{run.stderr}")
        return {
            name: (_total(Path(folder, str(after))) - _total(Path(folder, str(before))))
            / HOT_PATHS[name].all_units
            for name, before, after in map(json.loads, run.stdout.splitlines())
        }


def _total(file: Path) -> int:
    found = _TOTAL.search(file.read_text(encoding="utf-8", errors="replace"))
    if found is None:
        raise CallgrindError(f"callgrind wrote no total into {os.fspath(file)}")
    return int(found[1])
