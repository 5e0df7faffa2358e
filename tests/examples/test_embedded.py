"""The example `embedded.py`."""

from __future__ import annotations

from functools import partial

import pytest
import trio
from support.serving import in_memory

import trioweb
from trioweb.testing import TEXT


@pytest.fixture
def module(example, monkeypatch):
    """The example, on a port that the system chooses."""
    monkeypatch.setattr(trioweb, "serve", partial(trioweb.serve, port=0))
    return example("embedded")


async def test_the_program_ends_when_its_work_is_done(module, mock_clock):
    mock_clock.rate = 1000
    with trio.fail_after(5000):
        await module.main()


async def test_a_watcher_sees_how_far_the_work_is(module, autojump_clock):
    async with in_memory(module.app) as peer, trio.open_nursery() as nursery:
        await peer.open("/progress")
        nursery.start_soon(module.main)
        frames = [await peer.receive_frame()]
        while frames[-1].payload != b"100":
            frames.append(await peer.receive_frame())
    seen = [frame.payload.decode() for frame in frames if frame.opcode == TEXT]  # there is a ping, too
    assert seen == [str(percent) for percent in range(101)]


async def test_the_page_shows_it(module, site):
    async with site(module.app) as there:
        assert 'new WebSocket("progress")' in (await there.get("/")).text
