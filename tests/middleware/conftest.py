"""A client of an app that is served on a real socket."""

from __future__ import annotations

from contextlib import asynccontextmanager

import httpx
import pytest
from support.serving import running


@pytest.fixture
def open_client():
    @asynccontextmanager
    async def open_client(app, **options):
        async with (
            running(app, **options) as server,
            httpx.AsyncClient(base_url=server.urls[0], trust_env=False) as client,
        ):
            del client.headers["accept-encoding"]  # a test sets its own Accept-Encoding
            yield client

    return open_client
