"""Building what the comparison needs: the folder, and the steps."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
HOME = ROOT / ".build" / "bench"


class EnvironmentFailure(Exception):
    """Something that every measurement needs could not be built."""


def call(command: Sequence[str | Path], log: Path) -> bool:
    """Run a command with its output in `log`, and tell whether it succeeded."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.run(command, check=False, stdout=output, stderr=output).returncode == 0


def is_stamped(stamp: Path, content: str) -> bool:
    """Return whether something was built from exactly this."""
    return stamp.exists() and stamp.read_text("utf-8") == content
