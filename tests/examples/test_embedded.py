"""The example `embedded.py`."""

from __future__ import annotations

from functools import partial

import pytest
import trio

import trioweb


@pytest.fixture
def module(example, monkeypatch):
    """The example, on a port that the system chooses."""
    monkeypatch.setattr(trioweb, "serve", partial(trioweb.serve, port=0))
    return example("embedded")


@pytest.fixture
def app(module):
    return module.app


async def test_the_program_ends_when_its_work_is_done(module, mock_clock):
    mock_clock.rate = 1000
    with trio.fail_after(5000):
        await module.main()


async def test_a_watcher_sees_how_far_the_work_is(module, client, nursery, autojump_clock):
    async with client.websocket("/progress") as watcher:
        nursery.start_soon(module.main)
        for percent in range(101):
            await watcher.expect_text(str(percent))


async def test_the_page_shows_it(client, autojump_clock):
    assert 'new WebSocket("progress")' in (await client.get("/")).text
