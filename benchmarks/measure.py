"""Measuring: the servers take turns, so that a noisy minute hits all of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import compressed
import rivals
from environment import Environment
from results import Results, Run, gathered
from rivals import Rival
from server_process import ServerFailed, chosen_cores, on_cores, serving
from workloads import Workload

OPEN_SECONDS = 20
GENERATOR_SECONDS = 120
"""The generator limits its own time; this is for the case that it fails to."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Durations:
    """How long and how often to measure."""

    rounds: int = 5
    seconds: float = 1.5
    warm_seconds: float = 0.3


def server_options(environment: Environment, workload: Workload) -> list[str]:
    """Return the options of a server for this workload."""
    options = ["--deflate"] if workload.is_deflated else []
    if workload.is_encrypted:
        options += ["--tls", str(environment.certificate), str(environment.key)]
    return options


def generator_options(workload: Workload, durations: Durations) -> dict[str, object]:
    """Return the options of the generator, except those that name the server."""
    options: dict[str, object] = {
        "--path": workload.path,
        "--connections": workload.connections,
        "--bytes": workload.message_bytes,
        "--depth": workload.depth,
        "--stalled": workload.stalled,
        "--warm": durations.warm_seconds,
        "--seconds": durations.seconds,
        "--open-seconds": OPEN_SECONDS,
    }
    if workload.rate is not None:
        options["--rate"] = workload.rate
    if workload.is_encrypted:
        options["--tls"] = "yes"
    return options


def run_once(environment: Environment, workload: Workload, rival: Rival, durations: Durations) -> Run:
    """Start a server, put it under load, and return what the generator found; never raises for a rival."""
    with TemporaryDirectory() as folder:
        return _run_once(environment, workload, rival, durations, Path(folder))


def _run_once(
    environment: Environment, workload: Workload, rival: Rival, durations: Durations, folder: Path
) -> Run:
    options = generator_options(workload, durations)
    text, answer = b"", folder / "answer"
    if workload.is_deflated:
        text, frame = compressed.json_text(workload.message_bytes), folder / "frame"
        frame.write_bytes(compressed.masked_frame(text))
        options |= {"--extensions": compressed.OFFER, "--frame": frame, "--answer": answer}
    try:
        with serving(environment, rival, server_options(environment, workload)) as (port, process):
            run = _generate(environment, workload.mode, options | {"--port": port, "--server": process})
    except ServerFailed as error:
        return {"failure": str(error)}
    if workload.is_deflated and "failure" not in run and not compressed.is_answer(answer.read_bytes(), text):
        return {"failure": "a compressed answer was not what had been sent"}
    return run


def _generate(environment: Environment, mode: str, options: dict[str, object]) -> dict[str, Any]:
    arguments = [str(part) for pair in options.items() for part in pair]
    with on_cores(chosen_cores()[1]):
        process = subprocess.Popen(
            [str(environment.generator), mode, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    try:
        printed, complaint = process.communicate(timeout=GENERATOR_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return {"failure": f"the generator did not end within {GENERATOR_SECONDS} seconds"}
    try:
        report: dict[str, Any] = json.loads(printed)
    except ValueError:
        what = (complaint.strip().splitlines() or [f"status {process.returncode}"])[0]
        return {"failure": f"the generator printed no report: {what}"}
    return report


def participants(
    environment: Environment, workload: Workload, wanted: Sequence[str]
) -> tuple[list[Rival], list[str]]:
    """Return which of these servers can be measured, and a sentence about each of the others."""
    taking_part, missing = [], []
    if workload.is_encrypted and environment.certificate is None:
        return [], [f"{workload.name}: needs TLS"]
    for name in workload.rivals:
        rival = rivals.BY_NAME[name]
        if name not in wanted:
            continue
        if reason := environment.lacks(rival):
            missing.append(f"{workload.name}, {rival.title}: {reason}")
        else:
            taking_part.append(rival)
    return taking_part, missing


def _at_rate(workload: Workload, rival: Rival, results: Results) -> Workload | None:
    """Set the rate to half of what the rival reached before, or return `None` if that is not known."""
    if workload.half_of is None:
        return workload
    most = results.median(workload.half_of, rival.name, "per_second")
    return None if most is None else replace(workload, rate=max(1, round(most / 2)))


def measure(
    environment: Environment,
    workload: Workload,
    taking_part: Sequence[Rival],
    durations: Durations,
    results: Results,
    tell: Tell,
) -> None:
    """Measure one workload with all servers, round by round, and add it to the results."""
    runs: dict[str, list[Run]] = {rival.name: [] for rival in taking_part}
    rounds = min(durations.rounds, workload.most_rounds or durations.rounds)
    for number in range(1, rounds + 1):
        for rival in taking_part:
            paced = _at_rate(workload, rival, results)
            if paced is None:
                run: Run = {"failure": f"its own most is not known, for {workload.half_of} failed"}
            else:
                run = run_once(environment, paced, rival, durations)
            runs[rival.name].append(run)
            said = run.get("failure") or f"{run.get(workload.figure, 0):,.1f} {workload.figure}"
            tell(f"{workload.name} {number}/{rounds} {rival.name}: {said}")
    results.cells.setdefault(workload.name, {}).update(
        {name: gathered(of_rival) for name, of_rival in runs.items()}
    )
