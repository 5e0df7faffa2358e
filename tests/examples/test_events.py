"""The example `events.py`."""

from __future__ import annotations

import pytest


@pytest.fixture
def app(example):
    return example("events").app


async def write(client, *texts):
    for text in texts:
        assert (await client.post("/news", content=text)).status_code == 204


async def read(events, count):
    return [(await anext(events)).data for _ in range(count)]


async def test_a_message_that_is_written_reaches_everyone_who_listens(client, autojump_clock):
    async with client.events("/news") as ann, client.events("/news") as bob:
        await write(client, "tea", "cake")
        assert await read(ann, 2) == await read(bob, 2) == ["tea", "cake"]


async def test_a_reader_that_reconnects_continues_where_it_was(client, autojump_clock):
    await write(client, "one", "two", "three")
    async with client.events("/news") as events:
        assert await read(events, 1) == ["one"]
    async with client.events("/news", last_event_id=events.last_event_id) as events:
        await write(client, "four")
        assert await read(events, 3) == ["two", "three", "four"]


async def test_an_id_of_an_earlier_run_brings_all_that_is_kept(client, autojump_clock):
    await write(client, "one", "two")
    async with client.events("/news", last_event_id="of an earlier run") as events:
        assert await read(events, 2) == ["one", "two"]


async def test_the_newest_hundred_are_kept(client, autojump_clock):
    await write(client, *map(str, range(101)))
    async with client.events("/news") as events:
        assert await read(events, 100) == [str(number) for number in range(1, 101)]


async def test_news_that_is_too_long_is_refused(client, autojump_clock):
    assert (await client.post("/news", content="x" * 4097)).status_code == 413
