"""The upload program over a folder of the test's own, and clients that send files to it."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest


@pytest.fixture
def module(example, tmp_path, monkeypatch):
    module = example("upload")
    folder = tmp_path / "uploads"
    monkeypatch.setattr(module, "FOLDER", folder)
    monkeypatch.setattr(module, "SHELF", folder / "shelf")
    monkeypatch.setattr(module, "UNFINISHED", folder / "unfinished")
    return module


class Visitor:
    """A WebSocket that has announced a file, and the server's first reply."""

    def __init__(self, ws, ready):
        self.ready = ready
        self.send = ws.send
        self.receive_json, self.expect_json = ws.receive_json, ws.expect_json
        self.wait_closed = ws.wait_closed


@pytest.fixture
def begin(client):
    """Announce a file."""

    @asynccontextmanager
    async def begin(path, name, size, key=None):
        async with client.websocket(path) as ws:
            await ws.send_json({"name": name, "size": size, "upload": key})
            yield Visitor(ws, await ws.expect_json())

    return begin


@pytest.fixture
def shelve(begin):
    """Send a file whole, and return the last answer."""

    async def shelve(name, content=b"content"):
        async with begin("/whole", name, len(content)) as visitor:
            await visitor.send(content)
            return await visitor.expect_json()

    return shelve
