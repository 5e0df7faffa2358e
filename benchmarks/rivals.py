"""The servers and clients that are measured: how each is started, and which features it has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rival:
    """One project of the comparison, by its server or by its client.

    Attributes:
        name: What `--rivals` and the results call it.
        title: What tables and the chart call it.
        file: In `servers/`; one that ends with `.cjs` is run by Node.js.
        before_port: Arguments before the port.
        after_port: Arguments behind it.
        packages: The packages whose versions the results list.
        can_deflate: Whether it supports permessage-deflate.
        client: The program in `clients/`, if its client is measured.
    """

    name: str
    title: str
    file: str
    packages: tuple[str, ...]
    before_port: tuple[str, ...] = ()
    after_port: tuple[str, ...] = ()
    can_deflate: bool = True
    client: str | None = None

    @property
    def needs_node(self) -> bool:
        """Whether it is a program for Node.js."""
        return self.file.endswith(".cjs")


UVLOOP = ("--loop", "uvloop")

RIVALS = (
    Rival(
        "trioweb",
        "trioweb",
        "serve_trioweb.py",
        ("trioweb", "trio", "wsproto"),
        client="trioweb_client.py",
    ),
    Rival("bare-trio", "bare Trio stream", "bare_trio.py", ("trio",), can_deflate=False),
    Rival(
        "websockets-asyncio",
        "websockets, asyncio",
        "serve_websockets.py",
        ("websockets",),
        client="websockets_client.py",
    ),
    Rival(
        "websockets-uvloop",
        "websockets, uvloop",
        "serve_websockets.py",
        ("websockets", "uvloop"),
        after_port=UVLOOP,
    ),
    Rival(
        "websockets-trio",
        "websockets, Trio",
        "serve_websockets_trio.py",
        ("websockets", "trio"),
        client="websockets_trio_client.py",
    ),
    Rival(
        "trio-websocket",
        "trio-websocket",
        "serve_trio_websocket.py",
        ("trio-websocket", "trio", "wsproto"),
        can_deflate=False,
        client="trio_websocket_client.py",
    ),
    Rival(
        "hypercorn", "Hypercorn, Trio", "serve_hypercorn.py", ("hypercorn", "starlette", "trio", "wsproto")
    ),
    Rival(
        "uvicorn-websockets",
        "uvicorn, websockets",
        "serve_uvicorn.py",
        ("uvicorn", "websockets", "uvloop", "httptools"),
        ("websockets-sansio",),
        UVLOOP,
    ),
    Rival(
        "uvicorn-wsproto",
        "uvicorn, wsproto",
        "serve_uvicorn.py",
        ("uvicorn", "wsproto", "uvloop", "httptools"),
        ("wsproto",),
        UVLOOP,
    ),
    Rival(
        "aiohttp-asyncio",
        "aiohttp, asyncio",
        "serve_aiohttp.py",
        ("aiohttp",),
        client="aiohttp_client.py",
    ),
    Rival("aiohttp-uvloop", "aiohttp, uvloop", "serve_aiohttp.py", ("aiohttp", "uvloop"), after_port=UVLOOP),
    Rival(
        "picows",
        "picows, uvloop",
        "serve_picows.py",
        ("picows", "uvloop"),
        after_port=UVLOOP,
        can_deflate=False,
    ),
    Rival("node-ws", "ws, Node.js", "serve_node_ws.cjs", ("node", "ws", "bufferutil")),
)

OURS = "trioweb"
FLOOR = "bare-trio"

BY_NAME = {rival.name: rival for rival in RIVALS}
EVERYBODY = tuple(BY_NAME)

MAIN = (
    OURS,
    FLOOR,
    "websockets-asyncio",
    "websockets-trio",
    "uvicorn-websockets",
    "aiohttp-asyncio",
    "picows",
    "node-ws",
)
"""One server for each approach; the others are variations."""

QUICK = (OURS, FLOOR, "websockets-asyncio", "websockets-trio", "aiohttp-asyncio", "picows", "node-ws")
"""The servers that a quick run measures."""
