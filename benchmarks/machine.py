"""Where and when something was measured, and with which versions."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import re
import subprocess
import time
from pathlib import Path

from environment import Environment
from rivals import RIVALS

# Runs in the rivals' environment, which may differ from this program's.
_ASK_VERSIONS = """
import importlib.metadata, json, platform, sys
versions = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        versions[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(versions))
"""


def _cpu_model() -> str:
    path = Path("/proc/cpuinfo")
    found = (
        re.search(r"^model name\s*: (.+)$", path.read_text("utf-8"), re.MULTILINE) if path.exists() else None
    )
    return found[1] if found else platform.processor() or platform.machine()


def _busy_share() -> float:
    """Return the share of all cores that other programs use, measured over half a second."""

    def times() -> tuple[int, int]:
        with Path("/proc/stat").open(encoding="utf-8") as file:
            ticks = [int(word) for word in file.readline().split()[1:9]]
        return sum(ticks), ticks[3] + ticks[4]  # idle, and waiting for a disk

    total, idle = times()
    time.sleep(0.5)
    total_later, idle_later = times()
    return 1 - (idle_later - idle) / max(total_later - total, 1)


def describe(versions: dict[str, str]) -> dict[str, str]:
    """Describe this machine, now."""
    now = dt.datetime.now(dt.UTC)
    return {
        "date": now.strftime("%Y-%m-%d"),
        "cpu": _cpu_model(),
        "cores": str(len(os.sched_getaffinity(0))),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": versions.get("python", platform.python_version()),
        "busy_percent_at_start": f"{_busy_share():.0%}".removesuffix("%"),
    }


def installed_versions(environment: Environment) -> dict[str, str]:
    """Return the versions of Python, Node.js and all packages of the rivals."""
    names = sorted({package for rival in RIVALS for package in rival.packages})
    asked = subprocess.run(
        [environment.python, "-c", _ASK_VERSIONS, *names], check=True, capture_output=True, text=True
    )
    versions: dict[str, str] = json.loads(asked.stdout)
    if environment.node is not None:
        said = subprocess.run([environment.node, "--version"], check=True, capture_output=True, text=True)
        versions["node"] = said.stdout.strip().removeprefix("v")
        for name in ("ws", "bufferutil"):
            package = environment.node_modules / name / "package.json"
            if package.exists():
                versions[name] = json.loads(package.read_text("utf-8"))["version"]
    return versions


def of_rivals(versions: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return each rival's own packages with their versions."""
    return {
        rival.name: {package: versions[package] for package in rival.packages if package in versions}
        for rival in RIVALS
    }
