"""Four ways to push: all deliver the same events, and none loses any."""

from __future__ import annotations

import json
from functools import partial

import httpx
import pytest
import trio
from support.program import Program
from support.waiting import until

# Each way as a client: it calls `take` with every event that comes after `cursor`.


async def poll(client, way, cursor, take):
    while True:
        answer = (await client.get(f"/feed/v/{way}", params={"after": cursor})).json()
        for event in answer["events"]:
            take(event)
        cursor = answer["cursor"]
        await trio.sleep(0.01)


async def listen(client, cursor, take):
    async with client.events("/feed/v/server_sent_events", params={"after": cursor}) as events:
        async for event in events:
            if event.data:
                take(json.loads(event.data))


async def follow(client, cursor, take):
    async with client.websocket("/feed/v/websocket") as visitor:
        await visitor.send_json({"after": cursor})
        while True:
            take(await visitor.expect_json())


@pytest.fixture
def ways(client):
    return {
        "polling": partial(poll, client, "polling"),
        "long_polling": partial(poll, client, "long_polling"),
        "server_sent_events": partial(listen, client),
        "websocket": partial(follow, client),
    }


WAYS = ["polling", "long_polling", "server_sent_events", "websocket"]


@pytest.mark.parametrize("way", WAYS)
async def test_each_way_delivers_every_event_once_and_in_order(feed, ways, way):
    feed.tick()
    cursor = feed.newest
    for _ in range(3):  # an event from before anybody was here
        feed.tick()
    send, receive = trio.open_memory_channel(100)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ways[way], cursor, send.send_nowait)
        told = [await receive.receive() for _ in range(3)]
        for _ in range(5):
            feed.tick()
            told.append(await receive.receive())
        nursery.cancel_scope.cancel()
    assert told == list(feed.events)[1:]
    assert [event["id"] for event in told] == [f"{feed.run_name}-{number}" for number in range(2, 10)]


async def test_a_poll_without_a_cursor_begins_with_the_present(feed, client, autojump_clock):
    for _ in range(3):
        feed.tick()
    answer = (await client.get("/feed/v/polling")).json()
    assert answer == {"events": [], "cursor": feed.newest}
    feed.tick()
    answer = (await client.get("/feed/v/polling", params={"after": answer["cursor"]})).json()
    assert [event["id"] for event in answer["events"]] == [feed.newest]


async def test_a_response_to_a_poll_is_not_kept_by_caches(client, autojump_clock):
    assert (await client.get("/feed/v/polling")).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("cursor", ["another-1", "9" * 5000, "-", "\u0000", "1 OR 1=1", "\u0663-\u0663"])
@pytest.mark.parametrize("way", ["polling", "long_polling"])
async def test_a_reader_without_a_position_gets_everything_that_is_kept(
    feed, client, way, cursor, autojump_clock
):
    for _ in range(3):
        feed.tick()
    answer = await client.get(f"/feed/v/{way}", params={"after": cursor})
    assert len(answer.json()["events"]) == 3


async def test_the_feed_is_bounded_and_the_ids_show_what_is_missing(feed, client, autojump_clock):
    for _ in range(600):
        feed.tick()
    answer = await client.get("/feed/v/polling", params={"after": f"{feed.run_name}-1"})
    ids = [event["id"] for event in answer.json()["events"]]
    assert ids == [f"{feed.run_name}-{number}" for number in range(101, 601)]


# Long polling


async def test_a_long_poll_waits_for_news_and_no_longer(module, feed, client, autojump_clock):
    answers = []

    async def ask():
        answers.append((await client.get("/feed/v/long_polling")).json())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await waited_for(feed, 1)
        assert not answers
        feed.tick()
    assert [event["id"] for event in answers[0]["events"]] == [feed.newest]


async def waited_for(feed, count):
    await until(lambda: feed.changed.statistics().tasks_waiting == count)


async def test_a_long_poll_without_news_is_answered_in_time(module, feed, client, autojump_clock):
    module.LONG_POLL_SECONDS = 0.02
    feed.tick()
    answer = await client.get("/feed/v/long_polling")
    assert answer.json() == {"events": [], "cursor": feed.newest}


async def test_a_long_poll_whose_client_has_gone_waits_no_longer(client, feed, autojump_clock):
    stream = client.open_stream()
    await stream.send_all(b"GET /feed/v/long_polling HTTP/1.1\r\nHost: here\r\n\r\n")
    await waited_for(feed, 1)
    await stream.aclose()
    await waited_for(feed, 0)


# Server-sent events


async def test_an_event_source_that_comes_again_says_what_it_has_seen(feed, line):
    feed.tick()
    seen = feed.newest
    feed.tick()
    # The browser repeats the address, whose cursor is older than the header.
    address = f"/feed/v/server_sent_events?after={feed.run_name}-0"
    await line.ask(address, f"Last-Event-ID: {seen}")
    answer = await line.receive_until(b"}")
    assert answer.count(b"id: ") == 1
    assert f"id: {feed.newest}\n".encode() in answer


async def test_a_stream_whose_client_has_gone_waits_no_longer(client, feed, autojump_clock):
    stream = client.open_stream()
    await stream.send_all(b"GET /feed/v/server_sent_events HTTP/1.1\r\nHost: here\r\n\r\n")
    await waited_for(feed, 1)
    await stream.aclose()
    await waited_for(feed, 0)


# The WebSocket


@pytest.mark.parametrize("message", ["no JSON", b"\xff", "null", "[]", '{"after": 3}', "[" * 900])
async def test_a_websocket_first_sends_its_position(client, message, autojump_clock):
    async with client.websocket("/feed/v/websocket") as visitor:
        await visitor.send(message)
        await visitor.expect_close(1008, 'expected {"after": …}')


async def test_a_websocket_that_has_gone_waits_no_longer(client, feed, autojump_clock):
    async with client.websocket("/feed/v/websocket") as visitor:
        await visitor.send_json({"after": feed.newest})
        await waited_for(feed, 1)
    await waited_for(feed, 0)


# The page's own WebSocket: rate, clock, cuts and the bill


@pytest.mark.slow
async def test_the_rate_can_be_set_within_bounds(module, client, autojump_clock):
    async with client.websocket("/visit/v") as visitor:
        assert (await visitor.expect_json())["rate"] == 2
        for rate in (20, 0.2, 7.5):
            await visitor.send_json({"type": "rate", "rate": rate})
            while (await visitor.expect_json())["rate"] != rate:
                pass
        for rate in (0, 21, -1, float("nan"), float("inf"), "9", None, True, [1], 10**400):
            await visitor.send(json.dumps({"type": "rate", "rate": rate}))  # NaN is not JSON
        for message in ("no JSON", "null", "[" * 900, b"\xff", '{"type": ["cut"]}'):
            await visitor.send(message)
        await visitor.send_json({"type": "clock", "asked_at": 1})
        while (await visitor.expect_json())["type"] != "clock":
            pass
        assert module.feed.rate in (7.5, 1)


async def test_a_new_rate_holds_at_once(example, autojump_clock):
    feed = example("push_compared").Feed()
    feed.rate = 1e-9  # ten seconds apart, the longest interval
    async with trio.open_nursery() as nursery:
        nursery.start_soon(feed.run)
        await trio.sleep(9)
        assert feed.count == 0
        feed.set_rate(20)
        await trio.sleep(5)
        assert 50 < feed.count < 200
        assert 50 < feed.price < 150
        nursery.cancel_scope.cancel()


async def test_the_clock_can_be_asked(client, autojump_clock):
    async with client.websocket("/visit/v") as visitor:
        await visitor.send_json({"type": "clock", "asked_at": 12.5})
        while (message := await visitor.expect_json())["type"] != "clock":
            pass
        assert message["asked_at"] == 12.5
        assert message["now"] > 1e12


async def test_when_all_lines_are_cut_nothing_is_lost(module, client, feed, autojump_clock):
    cursor = feed.newest
    ended = []

    async def ask():
        ended.append((await client.get("/feed/v/long_polling", params={"after": cursor})).json()["events"])

    async def stream():
        await listen(client, cursor, ended.append)
        ended.append("stream")

    async def follow_to_the_end():
        async with client.websocket("/feed/v/websocket") as visitor:
            await visitor.send_json({"after": cursor})
            ended.append((await visitor.expect_close()).code)

    async with client.websocket("/visit/v") as visitor, client.websocket("/visit/other") as other:
        async with trio.open_nursery() as nursery:
            for line in (ask, stream, follow_to_the_end):
                nursery.start_soon(line)
            await waited_for(feed, 3)
            await other.send_json({"type": "cut"})  # another's lines
            await other.send_json({"type": "clock", "asked_at": 1})
            while (await other.expect_json())["type"] != "clock":
                pass
            await waited_for(feed, 3)
            assert not ended
            await visitor.send_json({"type": "cut"})
        feed.tick()
        answer = (await client.get("/feed/v/polling", params={"after": cursor})).json()
    assert sorted(map(str, ended)) == ["1012", "[]", "stream"]
    assert [event["id"] for event in answer["events"]] == [feed.newest]


async def test_a_visit_is_forgotten_when_its_page_goes(module, client, autojump_clock):
    async with client.websocket("/visit/v") as first:
        await first.expect_json()
        async with client.websocket("/visit/v") as second:  # a page that has come back before it was missed
            await second.expect_json()
        assert not module.visits
    async with client.websocket("/visit/v") as third:
        await third.expect_json()
        assert set(module.visits) == {"v"}
    await until(lambda: not module.visits)


async def test_a_page_without_a_visit_is_served_all_the_same(feed, client, autojump_clock):
    assert (await client.get("/feed/nobody/polling")).json() == {"events": [], "cursor": feed.newest}


@pytest.mark.slow
def test_the_program_serves_by_itself_until_ctrl_c():
    with Program("demo/push_compared.py", "--port", "0") as program:
        url = program.wait_for_url()
        assert "<h1>Push compared</h1>" in httpx.get(url, trust_env=False).text
        with httpx.stream("GET", f"{url}/feed/v/server_sent_events", trust_env=False) as answer:
            lines = answer.iter_lines()
            while not next(lines).startswith("data: "):
                pass
            assert program.interrupt()[0] == 0
