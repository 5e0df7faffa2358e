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


@pytest.fixture
def begin(visit):
    """Announce a file, and return the server's first reply."""

    @asynccontextmanager
    async def begin(server, path, name, size, key=None):
        async with visit(server, path) as visitor:
            await visitor.tell(name=name, size=size, upload=key)
            visitor.ready = await visitor.hear()
            yield visitor

    return begin


@pytest.fixture
def shelve(begin):
    """Send a file whole, and return the last answer."""

    async def shelve(server, name, content=b"content"):
        async with begin(server, "/whole", name, len(content)) as visitor:
            await visitor.send(content)
            return await visitor.hear()

    return shelve
