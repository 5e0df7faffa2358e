"""The programs of the gallery as modules, and their clients."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from support.modules import forgetting

from trioweb.testing import open_client

FOLDER = Path(__file__).parents[2] / "demo"


@pytest.fixture
def example(monkeypatch):
    """Import a program of the gallery, and forget it afterwards: each test has its own rooms."""
    monkeypatch.syspath_prepend(FOLDER)
    with forgetting(FOLDER):
        yield importlib.import_module


@pytest.fixture
async def client(module):
    """A client of the program that a test file has chosen as its `module`."""
    async with open_client(module.app) as client:
        yield client
