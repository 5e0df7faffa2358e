"""The test kit: clients, peers, bad networks and cancellation, for tests of applications.

    open_client           serves an app in memory: HTTP, WebSockets and server-sent events, by any clock
    open_server           serves an app on a real port
    RawPeer               a peer made of bytes, with `frame`, `close_frame` and `handshake` to make them
    FaultyStream          a connection over a bad network
    check_cancellation    cancels an async function at each of its checkpoints
    run_test              runs an async test where no plugin of pytest does

`docs/guides/testing.md` has an example of each. pytest gives `open_client` and `open_server` as the fixtures
`trioweb_client` and `trioweb_server`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trioweb.testing.bench import Stuck
from trioweb.testing.cancellation.check import check_cancellation
from trioweb.testing.client.expecting_websocket import ExpectingWebSocket
from trioweb.testing.faults.plan import Fault
from trioweb.testing.faults.stream import FaultyStream
from trioweb.testing.open_client import open_client
from trioweb.testing.open_server import open_server
from trioweb.testing.raw.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    close_frame,
    frame,
)
from trioweb.testing.raw.handshake import handshake
from trioweb.testing.raw.peer import RawPeer
from trioweb.testing.run_test import run_test

if TYPE_CHECKING:
    from trioweb.testing.client.app_client import AppClient

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "PING",
    "PONG",
    "TEXT",
    "AppClient",
    "ExpectingWebSocket",
    "Fault",
    "FaultyStream",
    "Frame",
    "RawPeer",
    "Stuck",
    "check_cancellation",
    "close_frame",
    "frame",
    "handshake",
    "open_client",
    "open_server",
    "run_test",
]


def __getattr__(name: str) -> Any:
    """Import what needs httpx only when it is asked for: the rest works without it."""
    if name == "AppClient":
        from trioweb.testing.client.app_client import AppClient

        return AppClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
