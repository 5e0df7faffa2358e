"""`reconnecting` with `resume`: a server that keeps its messages, and a client that misses none."""

from __future__ import annotations

import json

import pytest
import trio

from trioweb import CloseWebSocket, ConnectionClosed, ConnectionClosedError


def envelope(position, message):
    return f'{{"position": "{position}", "message": {message}}}'


class Kept:
    """A handler that numbers its messages, sends those since a position, and often fails."""

    def __init__(self, *messages, at_a_time):
        self._messages = messages
        self._at_a_time = at_a_time

    async def __call__(self, ws):
        since = int(ws.request.query.get("since", "0"))
        for number, message in list(enumerate(self._messages, 1))[since : since + self._at_a_time]:
            await ws.send(envelope(number, message))
        raise CloseWebSocket(1011)


async def test_no_message_is_missed_and_none_comes_twice(autojump_clock, site):
    texts = [json.dumps({"number": number}) for number in range(10)]
    site.handle = Kept(*texts, at_a_time=3)
    found = []
    async for ws in site.loop(resume="since"):
        try:
            async for message in ws:
                found.append(message)
        except ConnectionClosedError:
            if len(found) == 10:
                break
    assert found == texts
    assert site.targets == ["/", "/?since=3", "/?since=6", "/?since=9"]


async def test_every_way_to_receive_gives_the_message_without_its_envelope(autojump_clock, site):
    site.handle = Kept('{"text":  "one"}', '"two"', '{"three": 3}', "4", at_a_time=10)
    async for ws in site.loop(resume="since"):
        assert await ws.receive() == '{"text":  "one"}'
        assert ws.position == "1"
        assert await ws.receive_text() == '"two"'
        assert await ws.receive_json() == {"three": 3}
        assert await anext(aiter(ws)) == "4"
        assert ws.position == "4"
        break


async def test_messages_without_an_envelope_are_left_as_they_are(autojump_clock, site):
    async def handle(ws):
        for message in ("hello", b"\x00", '{"position": 1}', envelope("a", "1")):
            await ws.send(message)
        await ws.receive()

    site.handle = handle
    async for ws in site.loop(resume="since"):
        assert ws.position is None
        assert [await ws.receive() for _ in range(4)] == ["hello", b"\x00", '{"position": 1}', "1"]
        break


async def test_an_envelope_is_an_ordinary_message_for_a_loop_that_does_not_resume(autojump_clock, site):
    site.handle = Kept("1", at_a_time=1)
    async for ws in site.loop():
        assert await ws.receive() == envelope(1, "1")
        assert ws.position is None
        break


async def test_a_message_received_as_a_stream_leaves_the_position_where_it_is(autojump_clock, site):
    async def handle(ws):
        await ws.send(envelope(1, "1"))
        await ws.send(envelope(2, "2"))
        await ws.receive()

    site.handle = handle
    async for ws in site.loop(resume="since"):
        await ws.receive()
        async with ws.receive_stream() as chunks:
            assert "".join([chunk async for chunk in chunks]) == envelope(2, "2")
        assert ws.position == "1"
        break


async def test_messages_that_nobody_took_come_again(autojump_clock, site):
    site.handle = Kept("1", "2", "3", at_a_time=3)
    found = []
    async for ws in site.loop(resume="since"):
        found.append(await ws.receive())
        if len(found) == 3:
            break
    assert found == ["1", "2", "3"]
    assert site.targets == ["/", "/?since=1", "/?since=2"]


async def test_a_position_given_in_the_url_is_used_first_and_replaced_later(autojump_clock, site):
    site.handle = Kept("1", "2", "3", at_a_time=1)
    found = []
    async for ws in site.loop("ws://site/?x=1&since=1", resume="since"):
        found.append(await ws.receive())
        if len(found) == 2:
            break
    assert found == ["2", "3"]
    assert site.targets == ["/?x=1&since=1", "/?x=1&since=2"]


async def test_a_position_survives_connections_without_messages_and_failed_attempts(autojump_clock, site):
    site.handle = Kept("1", at_a_time=1)
    count = 0
    async for ws in site.loop(resume="since"):
        count += 1
        if count == 3:
            assert ws.position == "1"
            break
        site.answers = [b""]
        with pytest.raises(ConnectionClosed):
            while True:
                await ws.receive()
    assert site.targets == ["/", "/?since=1", "/?since=1", "/?since=1", "/?since=1"]


async def test_a_task_with_an_old_connection_does_not_move_the_position(autojump_clock, site):
    positions = iter(["9", "1", "2"])

    async def handle(ws):
        position = next(positions)
        await ws.send(envelope(position, position))
        await ws.send(envelope("late", position))
        raise CloseWebSocket(1011)

    site.handle = handle
    old = None
    async for ws in site.loop(resume="since"):
        if old is None:
            old = ws
            assert await ws.receive() == "9"
            await trio.sleep(1)
            continue
        assert await old.receive() == "9"
        assert (old.position, ws.position) == ("late", "9")
        break
