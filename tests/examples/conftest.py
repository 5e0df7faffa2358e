"""The examples as modules, and their clients."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from support.modules import forgetting

from trioweb.testing import open_client

FOLDER = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(monkeypatch):
    """Import an example, and forget it afterwards: each test has its own rooms."""
    monkeypatch.syspath_prepend(FOLDER)
    with forgetting(FOLDER):
        yield importlib.import_module


@pytest.fixture
async def client(app):
    """The client of the app that a test file has chosen."""
    async with open_client(app) as client:
        yield client
