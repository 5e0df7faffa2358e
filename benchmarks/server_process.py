"""A server under measurement: started on a core of its own, and ended by its process id."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from building import HOME
from environment import Environment
from rivals import Rival

START_SECONDS = 20
STOP_SECONDS = 10


class ServerFailed(Exception):
    """A server could not be started, or did not start to listen."""


def chosen_cores() -> tuple[set[int], set[int]]:
    """Return a core each for the server and the generator, or one for both if there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return set(cores), set(cores)
    # The first core is where most interrupts of a machine go.
    return {cores[-1]}, {cores[-2]}


@contextlib.contextmanager
def on_cores(cores: set[int]) -> Iterator[None]:
    """Start processes here so that all their threads stay on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            last = log.read_text("utf-8", "replace").strip().splitlines()[-1:]
            raise ServerFailed(f"the server ended with status {process.returncode}: {' '.join(last)}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise ServerFailed(f"the server did not listen within {START_SECONDS} seconds")


@contextlib.contextmanager
def serving(environment: Environment, rival: Rival, options: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Run a server and yield its port and process id; it is killed at the end.

    Raises:
        ServerFailed: It did not start to listen.
    """
    port = _free_port()
    log = HOME / "logs" / f"{rival.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    variables = os.environ | {"NODE_PATH": str(environment.node_modules), "NODE_ENV": "production"}
    with log.open("wb") as output, on_cores(chosen_cores()[0]):
        process = subprocess.Popen(
            environment.server_command(rival, port, options),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=variables,
        )
    try:
        _wait_until_listening(process, port, log)
        yield port, process.pid
    finally:
        process.kill()
        process.wait(STOP_SECONDS)
