"""The programs of the gallery as modules, and clients that are not ours."""

from __future__ import annotations

import importlib
import json
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.foreign_client import UNREAD
from websockets.trio.client import connect

FOLDER = Path(__file__).parents[2] / "demo"


@pytest.fixture
def example(monkeypatch):
    """Import a program of the gallery, and forget it afterwards: each test has its own rooms."""
    monkeypatch.syspath_prepend(FOLDER)
    forget()
    yield importlib.import_module
    forget()


def forget():
    programs = {path.stem for path in FOLDER.glob("*.py")}
    for name in [name for name in sys.modules if name.partition(".")[0] in {*programs, "parts"}]:
        del sys.modules[name]


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
