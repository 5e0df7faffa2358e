"""The example `chat.py`."""

from __future__ import annotations

import pytest
from support.waiting import until
from websockets.exceptions import ConnectionClosedError


async def test_everybody_in_a_room_reads_what_one_writes(example, site):
    app = example("chat").app
    async with site(app) as there, there.connect("/chat/lobby") as ann, there.connect("/chat/lobby") as bob:
        await until(lambda: len(app.room("lobby")) == 2)
        await ann.send("hello")
        assert await ann.recv() == await bob.recv() == "hello"


@pytest.mark.parametrize(("message", "code"), [(b"\x00", 1003), ("x" * 4097, 1009)])
async def test_bytes_and_long_lines_end_only_their_own_connection(example, site, message, code):
    async with site(example("chat").app) as there, there.connect("/chat/lobby") as bob:
        async with there.connect("/chat/lobby") as ann:
            await ann.send(message)
            with pytest.raises(ConnectionClosedError):
                await ann.recv()
            assert ann.close_code == code
        await bob.send("still here")
        assert await bob.recv() == "still here"


async def test_the_page_connects_to_the_lobby(example, site):
    async with site(example("chat").app) as there:
        page = await there.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert 'new WebSocket("chat/lobby")' in page.text
