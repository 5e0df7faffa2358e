"""The example `echo.py`."""

from __future__ import annotations

import pytest


@pytest.fixture
def app(example):
    return example("echo").app


async def test_text_and_bytes_come_back_as_they_are(client, autojump_clock):
    async with client.websocket("/echo") as ws:
        await ws.send("tea")
        await ws.expect_text("tea")
        await ws.send(b"\x00\xff")
        await ws.expect_bytes(b"\x00\xff")
        await ws.send("")
        await ws.expect_text("")
