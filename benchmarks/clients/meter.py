"""What every client of the comparison is told, and how its cost is measured.

python FILE PORT SERVER [CONNECTIONS DEPTH BYTES WARM SECONDS]

A client opens its connections to an echo server on 127.0.0.1 and keeps `DEPTH` messages on
their way on each of them until the meter says that it is over. It prints a report with the
names that the load generator uses, in which `cpu_us` is the client's own CPU time for each
message that came back; `SERVER` is the process of the echo server.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Reading:
    """All clocks at one time, in nanoseconds."""

    wall: int
    own_cpu: int
    own_waited: int
    server_cpu: int
    server_waited: int


class Meter:
    """The command line, and what was counted.

    Attributes:
        done: Messages that came back; a client counts here.
        is_over: Whether a client is to end.
    """

    def __init__(self) -> None:
        port, self._server, *rest = sys.argv[1:]
        connections, depth, message_bytes, warm, seconds = rest
        self.url = f"ws://127.0.0.1:{port}/echo"
        self.connections = int(connections)
        self.depth = int(depth)
        self.message = bytes(range(256)) * (int(message_bytes) // 256) + bytes(
            range(int(message_bytes) % 256)
        )
        self.done = 0
        self.is_over = False
        self._warm_seconds, self._seconds = float(warm), float(seconds)

    async def measure(self, sleep: Callable[[float], Awaitable[object]]) -> None:
        """Wait until every connection has found its pace, measure, and print the report."""
        await sleep(self._warm_seconds)
        done, before = self.done, self._read()
        await sleep(self._seconds)
        done, after = self.done - done, self._read()
        self.is_over = True
        sys.stdout.write(json.dumps(_report(done, before, after)) + "\n")

    def _read(self) -> Reading:
        server_cpu, server_waited = _scheduled(self._server)
        _, own_waited = _scheduled("self")
        return Reading(time.perf_counter_ns(), time.process_time_ns(), own_waited, server_cpu, server_waited)


def _scheduled(process: str) -> tuple[int, int]:
    """Return how long a process ran, and how long it waited for a core."""
    ran, waited, _ = Path(f"/proc/{process}/schedstat").read_text("ascii").split()
    return int(ran), int(waited)


def _report(done: int, before: Reading, after: Reading) -> dict[str, float | str]:
    if not done:
        return {"failure": "no message came back"}
    elapsed = after.wall - before.wall
    cpu = after.own_cpu - before.own_cpu
    return {
        "mode": "client",
        "done": done,
        "per_second": done / elapsed * 1e9,
        "cpu_us": cpu / 1000 / done,
        "cpu_share": cpu / elapsed,
        "waited_share": (after.own_waited - before.own_waited) / elapsed,
        "own_cpu_share": (after.server_cpu - before.server_cpu) / elapsed,
        "own_waited_share": (after.server_waited - before.server_waited) / elapsed,
    }
