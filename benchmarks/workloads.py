"""What is measured, and with which servers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rivals import EVERYBODY, FLOOR, MAIN, RIVALS

KIB = 1024
MIB = 1024 * KIB

CPU = "cpu_us"
"""Microseconds of the server's CPU for each unit of work."""

MEMORY = "connection_bytes"
"""Bytes by which the server's memory grew for each connection."""

LATENCY = "p50_us"
"""Microseconds that half of all messages did not exceed; the report has the rest."""

COMMON_RATE = 4000
"""Messages per second that every rival can easily answer."""


@dataclass(frozen=True)
class Workload:
    """One kind of load, at one size.

    Attributes:
        name: What `--only` and the results call it.
        title: What the tables call it.
        mode: Of the load generator: `echo`, `fanout`, `connect` or `idle`; or `client`, for a client that is
            measured itself.
        unit: What the CPU time is counted for.
        rivals: The names of the servers that take part.
        connections: How many at one time; with `fanout` those that read.
        message_bytes: Of one message.
        depth: Messages in flight for each connection that sends.
        stalled: Additional connections that never read.
        rate: Messages per second, whatever comes back.
        half_of: Instead of `rate`, half of what the rival itself reached in this workload.
        figure: The figure that is compared, by its key in the generator's output.
        is_deflated: Whether messages are compressed JSON texts.
        is_encrypted: Whether the connections use TLS.
        most_rounds: Enough rounds, because the figure varies little or takes long.
        is_quick: Whether a quick run includes it.
        chart_title: Its heading in the chart; a workload without one is left out.
    """

    name: str
    title: str
    mode: str
    unit: str
    rivals: tuple[str, ...]
    connections: int
    message_bytes: int = 32
    depth: int = 1
    stalled: int = 0
    rate: int | None = None
    half_of: str | None = None
    figure: str = CPU
    is_deflated: bool = False
    is_encrypted: bool = False
    most_rounds: int | None = None
    is_quick: bool = False
    chart_title: str | None = None

    @property
    def path(self) -> str:
        """What the handshakes ask for."""
        return "/room" if self.mode == "fanout" else "/echo"


CLIENTS = tuple(rival.name for rival in RIVALS if rival.client)
WITHOUT_FLOOR = tuple(name for name in MAIN if name != FLOOR)
ON_TRIO_AND_ASYNCIO = ("trioweb", "websockets-asyncio", "websockets-trio", "aiohttp-asyncio")
BROADCASTERS = (
    "trioweb",
    "websockets-asyncio",
    "websockets-trio",
    "uvicorn-websockets",
    "aiohttp-asyncio",
    "picows",
    "node-ws",
)
DEFLATERS = (
    "trioweb",
    "websockets-asyncio",
    "websockets-trio",
    "uvicorn-websockets",
    "uvicorn-wsproto",
    "aiohttp-asyncio",
    "node-ws",
)


def _echo(name: str, what: str, message_bytes: int, connections: int, depth: int, **more: object) -> Workload:
    flight = {1: "one", 16: "sixteen"}[depth]
    plural = "connection" if connections == 1 else "connections"
    title = f"Echo, {what}, {flight} in flight, {connections} {plural}"
    more = {"rivals": MAIN, "title": title} | more
    return Workload(
        name=name,
        mode="echo",
        unit="message",
        message_bytes=message_bytes,
        connections=connections,
        depth=depth,
        **more,  # type: ignore[arg-type]
    )


def _broadcast(receivers: int, stalled: int, rivals: tuple[str, ...], **more: object) -> Workload:
    suffix = f"-{stalled}-stalled" if stalled else ""
    beside = f", {stalled} more that never read" if stalled else ""
    return Workload(
        name=f"broadcast-{receivers}{suffix}",
        title=f"Broadcast, 128 B to {receivers} receivers{beside}",
        mode="fanout",
        unit="delivery",
        rivals=rivals,
        connections=receivers,
        message_bytes=128,
        stalled=stalled,
        **more,  # type: ignore[arg-type]
    )


def _idle(connections: int, most_rounds: int, **more: object) -> Workload:
    return Workload(
        name=f"idle-{connections}",
        title=f"Memory of an idle connection, {connections} of them",
        mode="idle",
        unit="connection",
        rivals=MAIN,
        connections=connections,
        figure=MEMORY,
        most_rounds=most_rounds,
        **more,  # type: ignore[arg-type]
    )


def _client(name: str, connections: int, depth: int) -> Workload:
    echo = _echo(name, "32 B", 32, connections, depth)
    return replace(echo, mode="client", title=f"Client, {echo.title.replace('Echo', 'echo')}", rivals=CLIENTS)


WORKLOADS = (
    _echo(
        "echo-32", "32 B", 32, 64, 1, rivals=EVERYBODY, is_quick=True, chart_title="Echo, 32 B, one in flight"
    ),
    _echo(
        "echo-32-deep",
        "32 B",
        32,
        4,
        16,
        rivals=EVERYBODY,
        is_quick=True,
        chart_title="Echo, 32 B, sixteen in flight",
    ),
    _echo("echo-32-alone", "32 B", 32, 1, 1),
    _echo("echo-32-crowd", "32 B", 32, 1000, 1),
    _echo("echo-1k", "1 KiB", KIB, 64, 1),
    _echo("echo-1k-deep", "1 KiB", KIB, 4, 16),
    _echo("echo-64k", "64 KiB", 64 * KIB, 4, 1, is_quick=True, chart_title="Echo, 64 KiB"),
    _echo("echo-1m", "1 MiB", MIB, 4, 1),
    _broadcast(100, 0, BROADCASTERS),
    _broadcast(1000, 0, BROADCASTERS, is_quick=True, chart_title="Broadcast, 128 B to 1000"),
    _broadcast(5000, 0, ("trioweb", "websockets-asyncio", "aiohttp-asyncio", "picows", "node-ws")),
    _broadcast(100, 1, ("trioweb",)),
    _broadcast(100, 10, ("trioweb",)),
    _broadcast(1000, 1, ("trioweb", "websockets-asyncio")),
    _broadcast(1000, 10, BROADCASTERS),
    _broadcast(5000, 1, ("trioweb",)),
    _broadcast(5000, 10, ("trioweb", "websockets-asyncio")),
    Workload(
        name="handshakes",
        title="Open and close, 64 at a time",
        mode="connect",
        unit="handshake",
        rivals=EVERYBODY,
        connections=64,
        is_quick=True,
        chart_title="Open and close a WebSocket",
    ),
    _idle(1000, 2),
    _idle(5000, 2, is_quick=True, chart_title="Memory of an idle connection"),
    _idle(10_000, 1),
    _echo(
        "latency-own-rate",
        "32 B",
        32,
        64,
        1,
        rivals=MAIN,
        title="Latency at half of the rival's own maximum, 32 B, 64 connections",
        half_of="echo-32",
        figure=LATENCY,
    ),
    _echo(
        "latency-common-rate",
        "32 B",
        32,
        64,
        1,
        rivals=MAIN,
        title=f"Latency at {COMMON_RATE} messages/s, 32 B, 64 connections",
        rate=COMMON_RATE,
        figure=LATENCY,
    ),
    _echo("deflate-1k", "1 KiB of JSON, deflated", KIB, 64, 1, rivals=DEFLATERS, is_deflated=True),
    _echo("tls-32", "32 B, TLS", 32, 64, 1, is_encrypted=True),
    _echo("tls-64k", "64 KiB, TLS", 64 * KIB, 4, 1, is_encrypted=True),
    _client("client-32", 1, 1),
    _client("client-32-deep", 1, 16),
    _client("client-32-crowd", 64, 1),
)

BY_NAME = {workload.name: workload for workload in WORKLOADS}
