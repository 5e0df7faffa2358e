"""The programs of the gallery as modules, and clients that are not ours."""

from __future__ import annotations

import importlib
import json
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from support.foreign_client import UNREAD
from support.modules import forgetting
from support.serving import running
from websockets.trio.client import connect

FOLDER = Path(__file__).parents[2] / "demo"


@pytest.fixture
def example(monkeypatch):
    """Import a program of the gallery, and forget it afterwards: each test has its own rooms."""
    monkeypatch.syspath_prepend(FOLDER)
    with forgetting(FOLDER):
        yield importlib.import_module


@pytest.fixture
async def server(module):
    """Serve the program that a test file has chosen as its `module`."""
    async with running(module.app) as server:
        yield server


@pytest.fixture
async def client(server):
    async with httpx.AsyncClient(base_url=server.urls[0], trust_env=False) as client:
        yield client


@pytest.fixture
def visit():
    """Open a WebSocket with another library's client, which has methods for JSON."""

    @asynccontextmanager
    async def visit(server, path):
        url = f"ws://127.0.0.1:{server.port}{path}"
        async with connect(url, proxy=None, max_size=None, max_queue=UNREAD) as ws:
            yield Visitor(ws)

    return visit


class Visitor:
    def __init__(self, ws):
        self.ws = ws
        self.send = ws.send
        self.receive = ws.recv

    async def tell(self, **fields):
        await self.ws.send(json.dumps(fields))

    async def hear(self):
        return json.loads(await self.ws.recv())
