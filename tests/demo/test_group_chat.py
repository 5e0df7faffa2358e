"""The group chat, tested with the test kit's client, and with a peer that has stopped reading."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import httpx
import pytest
from support.program import Program

from trioweb.testing import TEXT, RawPeer


@pytest.fixture
def module(example):
    return example("group_chat")


@pytest.fixture
def enter(client):
    """Enter under a name, and check the first reply of the room."""

    @asynccontextmanager
    async def enter(name, *, called=None, people=None):
        async with client.websocket("/ws") as visitor:
            await visitor.send_json({"type": "join", "name": name})
            welcome = await visitor.expect_json()
            assert (welcome["type"], welcome["name"]) == ("welcome", called or name)
            assert people in (None, welcome["people"])
            yield visitor

    return enter


async def test_everyone_else_hears_what_is_said(client, enter, autojump_clock):
    async with (
        enter("Ann") as ann,
        enter("Ben") as ben,
    ):
        async with enter("Cy") as cy:
            await ann.expect_json({"type": "joined", "name": "Ben"})
            await ann.expect_json({"type": "joined", "name": "Cy"})
            await ben.expect_json({"type": "joined", "name": "Cy"})
            await ann.send_json({"type": "say", "text": "<b>hello</b>"})
            said = {"type": "said", "name": "Ann", "text": "<b>hello</b>"}
            await ben.expect_json(said)
            await cy.expect_json(said)
        left = {"type": "left", "name": "Cy"}
        await ann.expect_json(left)
        await ben.expect_json(left)


async def test_a_newcomer_learns_who_is_here(client, enter, autojump_clock):
    async with enter("Ann", people=["Ann"]), enter("Ben", people=["Ann", "Ben"]) as ben:
        await ben.send_json({"type": "who"})
        await ben.expect_json({"type": "people", "people": ["Ann", "Ben"]})


async def test_a_name_that_is_taken_gets_a_number(client, enter, autojump_clock):
    async with (
        enter("Ann"),
        enter("  Ann ", called="Ann 2"),
        enter("Ann", called="Ann 3", people=["Ann", "Ann 2", "Ann 3"]),
    ):
        pass


@pytest.mark.parametrize(
    "message",
    [
        "no JSON",
        b"\xff\xfe",
        "[" * 5000,
        "[]",
        "null",
        '{"type": "say"}',
        '{"type": "say", "text": 3}',
        '{"type": "say", "text": "  "}',
        '{"type": "dance"}',
        '{"type": ["say"], "text": {}}',
    ],
)
async def test_a_message_that_is_not_understood_is_answered_and_the_talk_continues(
    client, enter, message, autojump_clock
):
    async with client.websocket("/ws") as stranger:
        await stranger.send(message)
        assert (await stranger.expect_json())["type"] == "error"
        await stranger.send_json({"type": "join", "name": "Ann"})
        assert (await stranger.expect_json())["type"] == "welcome"
        await stranger.send(message)
        assert (await stranger.expect_json())["type"] == "error"
        async with enter("Ben") as ben:
            await stranger.send_json({"type": "say", "text": "still here"})
            assert (await ben.expect_json())["text"] == "still here"


@pytest.mark.parametrize("name", ["", "   ", "x" * 25, 7, None, "\u200b", "a\x00b", "\ud800", "\u200dx"])
async def test_an_invalid_name_is_asked_for_again(client, name, autojump_clock):
    async with client.websocket("/ws") as visitor:
        await visitor.send_json({"type": "join", "name": name})
        assert (await visitor.expect_json())["type"] == "error"
        await visitor.send_json({"type": "join", "name": "x" * 24})
        assert (await visitor.expect_json())["name"] == "x" * 24


async def test_a_line_with_an_id_is_confirmed_when_it_was_passed_on(client, enter, autojump_clock):
    async with enter("Ann") as ann:
        await ann.send_json({"type": "say", "text": "alone", "id": 7})
        await ann.expect_json({"type": "passed_on", "id": 7, "count": 0})
        async with enter("Ben") as ben:
            assert (await ann.expect_json())["type"] == "joined"
            await ann.send_json({"type": "say", "text": "hello", "id": "eight"})
            await ann.expect_json({"type": "passed_on", "id": "eight", "count": 1})
            assert (await ben.expect_json())["text"] == "hello"


async def test_a_person_who_vanishes_is_gone_from_the_list(client, enter, autojump_clock):
    async with enter("Ann") as ann:
        async with client.open_stream() as stream:
            vanishing = RawPeer(stream)
            await vanishing.open("/ws")
            await vanishing.send_text('{"type": "join", "name": "Ben"}')
            await ann.expect_json({"type": "joined", "name": "Ben"})
        await ann.expect_json({"type": "left", "name": "Ben"})
        await ann.send_json({"type": "who"})
        await ann.expect_json({"type": "people", "people": ["Ann"]})


async def test_half_a_surrogate_pair_does_no_harm(client, enter, autojump_clock):
    async with (
        enter("Ann") as ann,
        enter("Ben") as ben,
    ):
        await ann.send_json({"type": "say", "text": "\udfff"})
        await ben.expect_json({"type": "said", "name": "Ann", "text": "\udfff"})


@pytest.mark.parametrize("character", ["x", "\x01", "世", "\ud800"])
async def test_2000_characters_always_fit(client, enter, character, autojump_clock):
    async with enter("Ann") as ann, enter("Ben") as ben:
        await ann.send_json({"type": "say", "text": "x" + character * 1999})
        assert (await ben.expect_json())["text"] == "x" + character * 1999


async def test_a_line_that_is_too_long_ends_only_its_own_connection(client, enter, autojump_clock):
    async with enter("Ann") as ann, enter("Ben") as ben:
        assert (await ann.expect_json())["type"] == "joined"
        await ben.send_json({"type": "say", "text": "x" * 17_000})
        await ann.expect_json({"type": "left", "name": "Ben"})
        assert (await ben.wait_closed()).code == 1009


async def test_leaving_without_a_name_disturbs_nobody(module, client, enter, autojump_clock):
    async with enter("Ann") as ann:
        async with client.websocket("/ws"):
            pass
        await ann.send_json({"type": "who"})
        await ann.expect_json({"type": "people", "people": ["Ann"]})
    assert not module.present


async def test_a_person_who_stops_reading_holds_up_nobody_and_learns_what_is_missing(
    client, enter, autojump_clock
):
    lines, text = 900, "x" * 7000
    async with enter("Ann") as ann, enter("Ben") as ben, client.open_stream() as stream:
        slow = RawPeer(stream)
        await slow.open("/ws")
        await slow.send_text(json.dumps({"type": "join", "name": "Slow"}))
        assert [(await ann.expect_json())["name"], (await ann.expect_json())["name"]] == ["Ben", "Slow"]
        assert (await ben.expect_json())["name"] == "Slow"
        for number in range(lines):
            await ann.send_json({"type": "say", "text": f"{number} {text}"})
            assert (await ben.expect_json())["text"].startswith(f"{number} ")
        await ann.send_json({"type": "say", "text": "last"})
        await follow(slow, lines)


async def follow(slow, lines):
    """Read to the last line: each number comes, in order, or is counted as missing where it is not."""
    expected, gaps = 0, 0
    while True:
        opcode, payload, *_ = await slow.receive_frame()
        assert opcode == TEXT
        match json.loads(payload):
            case {"type": "missed", "count": count}:
                expected += count
                gaps += 1
            case {"type": "said", "text": "last"}:
                break
            case {"type": "said", "text": said}:
                assert int(said.split()[0]) == expected
                expected += 1
    assert expected == lines
    assert gaps >= 1


def test_the_program_serves_by_itself_until_ctrl_c():
    with Program("demo/group_chat.py", "--port", "0") as program:
        assert "<h1>Group chat</h1>" in httpx.get(program.wait_for_url(), trust_env=False).text
        assert program.interrupt()[0] == 0
