"""The example `events.py`."""

from __future__ import annotations

import pytest
import trio


@pytest.fixture
async def there(example, site):
    async with site(example("events").app) as there:
        yield there


async def write(there, *texts):
    for text in texts:
        assert (await there.post("/news", content=text)).status_code == 204


async def read(there, count, *, last_id="", meanwhile=()):
    """Read so many events as pairs of an id and a text, and leave; write others once connected."""
    events, fields = [], {}
    headers = {"Last-Event-ID": last_id} if last_id else {}
    with trio.CancelScope() as leaving:
        async with there.client.stream("GET", "/news", headers=headers) as response:
            assert response.headers["content-type"] == "text/event-stream"
            await write(there, *meanwhile)
            async for line in response.aiter_lines():
                name, _, value = line.partition(": ")
                fields[name] = value
                if not line and "data" in fields:
                    events.append((fields["id"], fields["data"]))
                    fields = {}
                if len(events) == count:
                    leaving.cancel()
    return events


async def test_a_message_that_is_written_reaches_everyone_who_listens(there):
    events = await read(there, 2, meanwhile=["tea", "cake"])
    assert [text for _, text in events] == ["tea", "cake"]


async def test_a_reader_that_reconnects_continues_where_it_was(there):
    await write(there, "one", "two", "three")
    [(last_id, text)] = await read(there, 1)
    assert text == "one"
    events = await read(there, 3, last_id=last_id, meanwhile=["four"])
    assert [text for _, text in events] == ["two", "three", "four"]


async def test_an_id_of_an_earlier_run_brings_all_that_is_kept(there):
    await write(there, "one", "two")
    events = await read(there, 2, last_id="of an earlier run")
    assert [text for _, text in events] == ["one", "two"]


async def test_the_newest_hundred_are_kept(there):
    await write(there, *map(str, range(101)))
    assert [text for _, text in await read(there, 100)] == [str(number) for number in range(1, 101)]


async def test_news_that_is_too_long_is_refused(there):
    assert (await there.post("/news", content="x" * 4097)).status_code == 413
