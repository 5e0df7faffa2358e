"""The examples as modules, and clients that are not ours."""

from __future__ import annotations

import importlib
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from support.foreign_client import UNREAD
from support.modules import forgetting
from support.serving import running
from websockets.trio.client import connect

FOLDER = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(monkeypatch):
    """Import an example, and forget it afterwards: each test has its own rooms."""
    monkeypatch.syspath_prepend(FOLDER)
    with forgetting(FOLDER):
        yield importlib.import_module


@pytest.fixture
def site():
    """Serve an app on a free port, and yield its client."""

    @asynccontextmanager
    async def site(app):
        async with (
            running(app) as server,
            httpx.AsyncClient(base_url=server.urls[0], trust_env=False) as client,
        ):
            yield Site(server.port, client)

    return site


class Site:
    def __init__(self, port, client):
        self.port = port
        self.client = client
        self.get = client.get
        self.post = client.post

    def connect(self, path, **options):
        """Open a WebSocket with another library's client."""
        return connect(f"ws://127.0.0.1:{self.port}{path}", proxy=None, max_queue=UNREAD, **options)
