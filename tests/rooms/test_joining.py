"""`room.join(ws)` and its block."""

from __future__ import annotations

import gc

import pytest
import trio
from support.serving import conversing

from trioweb import App


async def test_a_member_keeps_the_room_that_nobody_else_holds(autojump_clock):
    app = App()

    async def handler(ws):
        async with app.room("lobby").join(ws):
            await ws.receive()

    async with conversing(handler) as peer:
        gc.collect()
        assert await app.room("lobby").publish("news") == 1
        assert await peer.receive_text() == "news"
        await peer.send_text("bye")
        await peer.receive_close()
        gc.collect()
        assert len(app._rooms) == 0


async def test_a_join_that_is_never_entered_is_reported_with_its_line(autojump_clock):
    room = App().room("lobby")

    async def handler(ws):
        with pytest.warns(
            RuntimeWarning, match=r"'lobby' was never entered.*async with room\.join\(ws\)"
        ) as said:
            room.join(ws)
        assert said[0].filename == __file__
        assert len(room) == 0

    async with conversing(handler) as peer:
        await peer.receive_close()


async def test_a_join_is_entered_once(autojump_clock):
    room = App().room("lobby")

    async def handler(ws):
        joining = room.join(ws)
        async with joining:
            with pytest.raises(RuntimeError, match="for each block"):
                async with joining:
                    pass
            assert len(room) == 1

    async with conversing(handler) as peer:
        await peer.receive_close()


async def test_a_join_that_is_cancelled_joins_nothing(autojump_clock):
    room = App().room("lobby")

    async def handler(ws):
        with trio.move_on_after(0) as patience:
            async with room.join(ws):
                raise AssertionError
        assert patience.cancelled_caught
        assert len(room) == 0

    async with conversing(handler) as peer:
        await peer.receive_close()
