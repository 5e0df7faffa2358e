"""The heartbeat example: who answers, who does not, and what the server does about it."""

from __future__ import annotations

import json
import math

import httpx
import pytest
import trio
from support.program import Program

from trioweb import Close, Config, ConnectionClosed, Timeouts
from trioweb.testing import RawPeer


@pytest.fixture
def module(example):
    """Import the example, with a heartbeat faster than a person could watch."""
    module = example("heartbeat")
    module.BEAT_SECONDS = 0.05
    hasty = Timeouts(ping_interval_seconds=0.1, ping_timeout_seconds=0.2, close_seconds=0.2)
    module.quiet.config = Config(timeouts=hasty)
    return module


async def hear(visitor, kind, *, answers=True):
    """Return the next message of a kind; the server's beats are answered meanwhile."""
    while True:
        message = await visitor.expect_json()
        if message["type"] == "ping" and answers:
            await visitor.send_json({"type": "pong", "number": message["number"]})
        if message["type"] == kind:
            return message


async def beat(visitor, kind, *, answers=True):
    """Return the seconds that the next beat of a kind took; `None` for one that was missed."""
    while (message := await hear(visitor, "beat", answers=answers))["kind"] != kind:
        pass
    return message["seconds"]


async def measured(visitor, kind):
    while (seconds := await beat(visitor, kind)) is None:  # on a busy machine
        pass
    return seconds


async def hear_all(visitor):
    """Return everything until the end, without sending anything."""
    messages = []
    while True:
        try:
            messages.append(await visitor.receive_json())
        except ConnectionClosed:
            return messages


async def peers(visitor, is_wanted):
    """Return the server's view as soon as it is the wanted one."""
    while not is_wanted(view := await hear(visitor, "peers")):
        pass
    return view


def silent(view):
    return [one for one in view["here"] if one["name"].startswith("silent client")]


@pytest.mark.parametrize("kind", ["protocol", "application"])
async def test_each_heartbeat_measures_round_trips(client, kind, autojump_clock):
    async with client.websocket("/ws") as visitor:
        assert (await visitor.expect_json())["name"] == "page 1"
        seconds = [await measured(visitor, kind) for _ in range(3)]
        assert all(0 <= one < 1 for one in seconds)
        view = await peers(visitor, lambda view: view["here"][0].get(kind) is not None)
        assert 0 <= view["here"][0]["silence_seconds"] < 1


async def test_a_page_can_ask_for_a_beat(client, autojump_clock):
    async with client.websocket("/ws") as visitor:
        for number in (1, 2, 10**30):
            await visitor.send_json({"type": "ping", "number": number})
            assert (await hear(visitor, "pong"))["number"] == number


async def test_a_page_that_answers_no_message_is_dropped_even_if_its_browser_answers_pings(
    module, client, autojump_clock
):
    module.SILENCE_SECONDS = 0.5
    async with client.websocket("/ws") as visitor:
        beats = [message for message in await hear_all(visitor) if message["type"] == "beat"]
        assert {one["seconds"] is None for one in beats if one["kind"] == "application"} == {True}
        assert False in {one["seconds"] is None for one in beats if one["kind"] == "protocol"}
        assert visitor.closed == Close(4001, "no heartbeat for 0.5 s")
    async with client.websocket("/ws") as another:
        view = await peers(another, lambda view: view["gone"])
        assert [one["name"] for one in view["here"]] == ["page 2"]
        assert [(one["name"], one["code"]) for one in view["gone"]] == [("page 1", 4001)]


async def test_a_silent_client_is_cut_by_the_keepalive_and_all_pages_learn_of_it(client, autojump_clock):
    async with client.websocket("/ws") as one, client.websocket("/ws") as two:
        await one.send_json({"type": "silent client"})
        here = await peers(two, silent)
        assert silent(here)[0]["silence_seconds"] < 1
        for visitor in (one, two):
            view = await peers(visitor, lambda view: view["gone"])
            assert [(who["code"], who["reason"]) for who in view["gone"]] == [(1006, "")]
            assert not silent(view)


async def test_no_more_than_four_clients_are_silent_at_a_time(module, client, autojump_clock):
    async with client.websocket("/ws") as visitor:
        for _ in range(3 * module.MOST_SILENT_CLIENTS):
            await visitor.send_json({"type": "silent client"})
        await visitor.send_json({"type": "ping", "number": 1})
        await hear(visitor, "pong")
        assert len(module.silent_clients) == module.MOST_SILENT_CLIENTS
        await peers(visitor, lambda view: view["is_full"])
        await peers(visitor, lambda view: len(view["gone"]) == module.MOST_SILENT_CLIENTS)
        with trio.fail_after(5):
            while module.silent_clients:  # each is forgotten a moment after it was reported
                await trio.lowlevel.checkpoint()
        await visitor.send_json({"type": "silent client"})
        await peers(visitor, lambda view: len(view["gone"]) == module.MOST_SILENT_CLIENTS + 1)


async def test_an_answer_to_another_beat_counts_as_none(client, autojump_clock):
    async with client.websocket("/ws") as visitor:
        message = await hear(visitor, "ping", answers=False)
        await visitor.send_json({"type": "pong", "number": message["number"] + 1})
        await visitor.send_json({"type": "pong", "number": message["number"] - 1})
        assert await beat(visitor, "application", answers=False) is None
        assert await measured(visitor, "application") >= 0


@pytest.mark.parametrize(
    "message",
    [
        "no JSON",
        b"\xff\xfe",
        "[" * 500,
        "null",
        '{"type": "ping"}',
        '{"type": "ping", "number": "1"}',
        '{"type": "ping", "number": 1e999}',
        '{"type": "pong", "number": null}',
        '{"type": ["silent client"]}',
        "9" * 1000,
    ],
)
async def test_a_message_that_is_not_understood_is_a_sign_of_life_and_no_more(
    client, message, autojump_clock
):
    async with client.websocket("/ws") as visitor:
        await visitor.send(message)
        await visitor.send_json({"type": "ping", "number": 7})
        assert (await hear(visitor, "pong"))["number"] == 7


async def test_a_message_that_is_too_long_ends_only_its_own_connection(client, autojump_clock):
    async with client.websocket("/ws") as one, client.websocket("/ws") as two:
        await one.send("x" * 2000)
        await hear_all(one)
        assert one.closed.code == 1009
        view = await peers(two, lambda view: view["gone"])
        assert [(who["name"], who["code"]) for who in view["gone"]] == [("page 1", 1009)]


async def test_clients_that_have_gone_are_remembered_only_for_a_while(module, client, autojump_clock):
    async with client.websocket("/ws") as visitor:
        for _ in range(25):
            async with client.websocket("/ws") as other:
                await other.expect_json()
        view = await peers(visitor, lambda view: len(view["here"]) == 1 and len(view["gone"]) == 20)
        assert {who["code"] for who in view["gone"]} == {1000}
    assert not module.peers


async def test_the_view_of_many_shows_the_first_of_them(module, client, autojump_clock):
    module.MOST_SHOWN = 1
    async with client.websocket("/ws") as one, client.websocket("/ws"):
        view = await peers(one, lambda view: view["count"] == 2)
        assert [who["name"] for who in view["here"]] == ["page 1"]


async def test_a_page_may_be_lost_without_a_close_frame(module, client, autojump_clock):
    async with client.websocket("/ws") as visitor:
        async with client.open_stream() as stream:
            await RawPeer(stream).open("/ws")
            await peers(visitor, lambda view: len(view["here"]) == 2)
        view = await peers(visitor, lambda view: view["gone"])
        assert view["gone"][0]["code"] == 1006


async def test_the_view_is_json_that_every_page_can_read(client, autojump_clock):
    async with client.websocket("/ws") as visitor:
        view = await peers(visitor, lambda view: view["here"][0].get("protocol") is not None)
        assert "NaN" not in json.dumps(view)
        assert not math.isinf(view["here"][0]["silence_seconds"])


def test_the_program_serves_by_itself_until_ctrl_c():
    with Program("demo/heartbeat.py", "--port", "0") as program:
        assert "<h1>Heartbeat</h1>" in httpx.get(program.wait_for_url(), trust_env=False).text
        assert program.interrupt()[0] == 0
