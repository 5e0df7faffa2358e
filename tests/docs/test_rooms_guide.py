"""The functions in the guide to rooms do what it says, even those that it does not run."""

from __future__ import annotations

import sys
import types

import pytest
import trio
import trio.testing
from support.texts.code_blocks import ROOT, blocks_of, chains_of, run_block

from trioweb.testing import open_client


@pytest.fixture
def guide(monkeypatch):
    """The program of the page, without the call at its end."""
    module = types.ModuleType("guide")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    (chain,) = chains_of(blocks_of(ROOT / "docs" / "guides" / "rooms.md"))
    for block in chain:
        if "server" not in block.kind.split():
            run_block(block, module)
    return module


async def test_count_orders_counts_all_even_if_nobody_else_holds_the_room(guide, autojump_clock):
    counted = []
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def count():
            counted.append(await guide.count_orders(60))

        for number in range(10):
            await trio.testing.wait_all_tasks_blocked()
            await guide.app.room("orders").publish(f"order {number}")
    assert counted == [10]


async def test_the_state_that_a_handler_set_shows_who_is_present(guide, autojump_clock):
    @guide.app.middleware
    async def name_them(request, call_next):
        request.state.user = request.query["user"]
        return await call_next(request)

    async with open_client(guide.app) as client, client.websocket("/chat/lobby?user=ann"):
        await trio.testing.wait_all_tasks_blocked()
        assert guide.present("lobby") == {"ann"}
        assert guide.present("another") == set()
