"""Node's `ws`, the most used WebSocket client outside browsers, against a trioweb server."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
import trio
from support.serving import running

from trioweb import App, CloseWebSocket, Config, Deflate, HTTPError

pytestmark = pytest.mark.node

ROOT = Path(__file__).parents[2]
MODULES = ROOT / ".build" / "node" / "node_modules"
SCRIPT = Path(__file__).with_name("ws_client.cjs")


@pytest.fixture
def converse(require_tool, go_without):
    """Run the client with a plan, and return its observations."""
    node = require_tool("node", "nodejs")
    if not (MODULES / "ws").is_dir():
        go_without("needs the ws package of Node.js: make tools")

    async def converse(url, **plan):
        with trio.fail_after(30):
            done = await trio.run_process(
                [node, str(SCRIPT), url.replace("http", "ws", 1), json.dumps(plan)],
                capture_stdout=True,
                env=os.environ | {"NODE_PATH": str(MODULES)},
            )
        return json.loads(done.stdout)

    return converse


def echoing(config=None):
    app = App(config)
    app.endings = []

    @app.websocket("/echo")
    async def echo(ws):
        async for message in ws:
            await ws.send(message)
        app.endings.append(ws.closed)

    return app


def large(count):
    content = (b"trioweb and ws " * (count // 15 + 1))[:count]
    return ["binary", f"{count} {hashlib.sha256(content).hexdigest()}"]


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_messages_come_back_in_order_and_whole(converse, fast_lane):
    async with running(echoing(Config(fast_lane=fast_lane))) as server:
        noticed = await converse(
            f"{server.urls[0]}/echo",
            messages=["", "grüße 🐍", {"bytes": 200}, {"bytes": 70_000}, {"bytes": 1_000_000}, "end"],
            close=[1000, ""],
        )
    assert noticed["echoes"] == [
        ["text", ""],
        ["text", "grüße 🐍"],
        large(200),
        large(70_000),
        large(1_000_000),
        ["text", "end"],
    ]
    assert noticed["close"] == [1000, ""]


@pytest.mark.parametrize("context_takeover", [True, False])
async def test_compressed_messages_come_back(converse, context_takeover):
    app = echoing(Config(compression=Deflate(context_takeover=context_takeover)))
    async with running(app) as server:
        noticed = await converse(
            f"{server.urls[0]}/echo",
            messages=["short", {"bytes": 70_000}, {"bytes": 1_000_000}, {"bytes": 70_000}],
            close=[1000, ""],
            deflate=True,
        )
    assert "permessage-deflate" in noticed["extensions"]
    assert noticed["echoes"] == [["text", "short"], large(70_000), large(1_000_000), large(70_000)]


async def test_a_ping_is_answered_with_its_own_payload(converse):
    async with running(echoing()) as server:
        noticed = await converse(f"{server.urls[0]}/echo", ping="are you there?", close=[1000, ""])
    assert noticed["pong"] == "are you there?"


async def test_a_code_and_reason_of_the_client_are_seen_and_echoed(converse):
    app = echoing()
    async with running(app) as server:
        noticed = await converse(f"{server.urls[0]}/echo", messages=["x"], close=[1001, "tab gone"])
    assert noticed["close"] == [1001, "tab gone"]
    assert [tuple(close) for close in app.endings] == [(1001, "tab gone")]


async def test_a_code_and_reason_of_the_handler_reach_the_client(converse):
    app = App()

    @app.websocket("/")
    async def say_goodbye(ws):
        await ws.send("hello")
        raise CloseWebSocket(4001, "bye")

    async with running(app) as server:
        noticed = await converse(f"{server.urls[0]}/")
    assert noticed["echoes"] == [["text", "hello"]]
    assert noticed["close"] == [4001, "bye"]


async def test_a_refused_handshake_is_an_http_response(converse):
    app = App()

    @app.websocket("/")
    async def refuse(ws):
        raise HTTPError(403)

    async with running(app) as server:
        noticed = await converse(f"{server.urls[0]}/")
    assert noticed["refused"] == 403


async def test_a_server_that_stops_says_going_away(converse):
    app = App()
    is_open = trio.Event()

    @app.websocket("/")
    async def wait(ws):
        await ws.accept()
        is_open.set()
        await ws.wait_closed()

    noticed = {}

    async def talk(url):
        noticed.update(await converse(url))

    async with trio.open_nursery() as nursery, running(app) as server:
        nursery.start_soon(talk, f"{server.urls[0]}/")
        await is_open.wait()
    assert noticed["close"] == [1001, ""]
