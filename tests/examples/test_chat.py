"""The example `chat.py`."""

from __future__ import annotations

import pytest


@pytest.fixture
def app(example):
    return example("chat").app


async def test_everybody_in_a_room_reads_what_one_writes(client, autojump_clock):
    async with client.websocket("/chat/lobby") as ann, client.websocket("/chat/lobby") as bob:
        await ann.send("hello")
        await ann.expect_text("hello")
        await bob.expect_text("hello")


@pytest.mark.parametrize(("message", "code"), [(b"\x00", 1003), ("x" * 4097, 1009)])
async def test_bytes_and_long_lines_end_only_their_own_connection(client, autojump_clock, message, code):
    async with client.websocket("/chat/lobby") as bob:
        async with client.websocket("/chat/lobby") as ann:
            await ann.send(message)
            await ann.expect_close(code)
        await bob.send("still here")
        await bob.expect_text("still here")


async def test_the_page_connects_to_the_lobby(client, autojump_clock):
    page = await client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert 'new WebSocket("chat/lobby")' in page.text
