"""The arguments of a room are checked as soon as they are given."""

from __future__ import annotations

import pytest
from support.serving import conversing

from trioweb import App, ConfigError, SetupError

FIVE = r"expected one of Overflow\.CLOSE, Overflow\.DROP_OLDEST, Overflow\.DROP_NEWEST, Overflow\.LATEST, Overflow\.WAIT"


@pytest.mark.parametrize("overflow", ["wait", "", 0, True])
async def test_an_invalid_overflow_is_refused(autojump_clock, overflow):
    app = App()
    with pytest.raises(ConfigError, match=f"overflow={overflow!r}: {FIVE}"):
        app.room("lobby", overflow=overflow)
    room = app.room("lobby")
    with pytest.raises(ConfigError, match=FIVE):
        room.subscribe(overflow=overflow)

    async def handler(ws):
        with pytest.raises(ConfigError, match=FIVE):
            room.join(ws, overflow=overflow)
        room.overflow = overflow
        with pytest.raises(ConfigError, match=FIVE):
            room.join(ws)
        await ws.send("done")

    async with conversing(handler) as peer:
        assert await peer.receive_text() == "done"


async def test_a_notice_that_could_not_be_made_is_refused(autojump_clock):
    room = App().room("lobby")

    async def notice(missed): ...

    async def handler(ws):
        for wrong in ("you missed some", notice):
            with pytest.raises(SetupError, match=r"missed_notice=.*a function, not an async one"):
                room.join(ws, missed_notice=wrong)
        await ws.send("done")

    async with conversing(handler) as peer:
        assert await peer.receive_text() == "done"
