"""Measuring: the servers take turns, so that a noisy minute hits all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import compressed
import rivals
from environment import Environment
from load_process import report_of
from results import Results, Run, gathered
from rivals import Rival
from server_process import ServerFailed, serving
from workloads import Workload

OPEN_SECONDS = 20
ECHO_SERVER = "picows"
"""The server for all clients; one that costs more than a client would decide how many messages arrive together."""

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
    """Start a server, put it under load, and return what was found; never raises for a rival."""
    if workload.mode == "client":
        return _run_client(environment, workload, rival, durations)
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
            pairs = (options | {"--port": port, "--server": process}).items()
            arguments = [str(part) for pair in pairs for part in pair]
            run: Run = report_of("generator", [str(environment.generator), workload.mode, *arguments])
    except ServerFailed as error:
        return {"failure": str(error)}
    if workload.is_deflated and "failure" not in run and not compressed.is_answer(answer.read_bytes(), text):
        return {"failure": "a compressed answer was not what had been sent"}
    return run


def _run_client(environment: Environment, workload: Workload, rival: Rival, durations: Durations) -> Run:
    """Let a client send its messages to the echo server that costs the least of all."""
    try:
        with serving(environment, rivals.BY_NAME[ECHO_SERVER], []) as (port, process):
            load = (workload.connections, workload.depth, workload.message_bytes)
            arguments = (port, process, *load, durations.warm_seconds, durations.seconds)
            return report_of("client", environment.client_command(rival, arguments))
    except ServerFailed as error:
        return {"failure": str(error)}


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
