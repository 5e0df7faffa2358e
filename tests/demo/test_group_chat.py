"""The group chat, tested with another library's client, and with one that has stopped reading."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import httpx
import pytest
import trio
from support.program import Program

from trioweb.testing import TEXT, RawPeer


@pytest.fixture
def module(example):
    return example("group_chat")


@pytest.fixture
def enter(visit):
    """Enter under a name, and return the first reply of the room."""

    @asynccontextmanager
    async def enter(server, name):
        async with visit(server, "/ws") as visitor:
            await visitor.tell(type="join", name=name)
            visitor.welcome = await visitor.hear()
            yield visitor

    return enter


async def test_everyone_else_hears_what_is_said(server, enter):
    async with (
        enter(server, "Ann") as ann,
        enter(server, "Ben") as ben,
    ):
        async with enter(server, "Cy") as cy:
            assert [await ann.hear(), await ann.hear()] == [
                {"type": "joined", "name": "Ben"},
                {"type": "joined", "name": "Cy"},
            ]
            assert await ben.hear() == {"type": "joined", "name": "Cy"}
            await ann.tell(type="say", text="<b>hello</b>")
            said = {"type": "said", "name": "Ann", "text": "<b>hello</b>"}
            assert [await ben.hear(), await cy.hear()] == [said, said]
        left = {"type": "left", "name": "Cy"}
        assert [await ann.hear(), await ben.hear()] == [left, left]


async def test_a_newcomer_learns_who_is_here(server, enter):
    async with (
        enter(server, "Ann") as ann,
        enter(server, "Ben") as ben,
    ):
        assert ann.welcome == {"type": "welcome", "name": "Ann", "people": ["Ann"]}
        assert ben.welcome == {"type": "welcome", "name": "Ben", "people": ["Ann", "Ben"]}
        await ben.tell(type="who")
        assert await ben.hear() == {"type": "people", "people": ["Ann", "Ben"]}


async def test_a_name_that_is_taken_gets_a_number(server, enter):
    async with (
        enter(server, "Ann"),
        enter(server, "  Ann ") as second,
    ):
        assert second.welcome["name"] == "Ann 2"
        async with enter(server, "Ann") as third:
            assert third.welcome["people"] == ["Ann", "Ann 2", "Ann 3"]


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
    server, enter, visit, message
):
    async with visit(server, "/ws") as stranger:
        await stranger.send(message)
        assert (await stranger.hear())["type"] == "error"
        await stranger.tell(type="join", name="Ann")
        assert (await stranger.hear())["type"] == "welcome"
        await stranger.send(message)
        assert (await stranger.hear())["type"] == "error"
        async with enter(server, "Ben") as ben:
            await stranger.tell(type="say", text="still here")
            assert (await ben.hear())["text"] == "still here"


@pytest.mark.parametrize("name", ["", "   ", "x" * 25, 7, None, "\u200b", "a\x00b", "\ud800", "\u200dx"])
async def test_an_invalid_name_is_asked_for_again(server, visit, name):
    async with visit(server, "/ws") as visitor:
        await visitor.tell(type="join", name=name)
        assert (await visitor.hear())["type"] == "error"
        await visitor.tell(type="join", name="x" * 24)
        assert (await visitor.hear())["name"] == "x" * 24


async def test_a_line_with_an_id_is_confirmed_when_it_was_passed_on(server, enter):
    async with enter(server, "Ann") as ann:
        await ann.tell(type="say", text="alone", id=7)
        assert await ann.hear() == {"type": "passed_on", "id": 7, "count": 0}
        async with enter(server, "Ben") as ben:
            assert (await ann.hear())["type"] == "joined"
            await ann.tell(type="say", text="hello", id="eight")
            assert await ann.hear() == {"type": "passed_on", "id": "eight", "count": 1}
            assert (await ben.hear())["text"] == "hello"


async def test_a_person_who_vanishes_is_gone_from_the_list(server, enter):
    async with enter(server, "Ann") as ann:
        async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
            vanishing = RawPeer(stream)
            await vanishing.open("/ws")
            await vanishing.send_text('{"type": "join", "name": "Ben"}')
            assert await ann.hear() == {"type": "joined", "name": "Ben"}
        assert await ann.hear() == {"type": "left", "name": "Ben"}
        await ann.tell(type="who")
        assert await ann.hear() == {"type": "people", "people": ["Ann"]}


async def test_half_a_surrogate_pair_does_no_harm(server, enter):
    async with (
        enter(server, "Ann") as ann,
        enter(server, "Ben") as ben,
    ):
        await ann.tell(type="say", text="\udfff")
        assert await ben.hear() == {"type": "said", "name": "Ann", "text": "\udfff"}


@pytest.mark.parametrize("character", ["x", "\x01", "世", "\ud800"])
async def test_2000_characters_always_fit(server, enter, character):
    async with enter(server, "Ann") as ann, enter(server, "Ben") as ben:
        await ann.tell(type="say", text="x" + character * 1999)
        assert (await ben.hear())["text"] == "x" + character * 1999


async def test_a_line_that_is_too_long_ends_only_its_own_connection(server, enter):
    async with enter(server, "Ann") as ann, enter(server, "Ben") as ben:
        assert (await ann.hear())["type"] == "joined"
        await ben.tell(type="say", text="x" * 17_000)
        assert await ann.hear() == {"type": "left", "name": "Ben"}
        await ben.ws.wait_closed()
        assert ben.ws.close_code == 1009


async def test_leaving_without_a_name_disturbs_nobody(module, server, enter, visit):
    async with enter(server, "Ann") as ann:
        async with visit(server, "/ws"):
            pass
        await ann.tell(type="who")
        assert await ann.hear() == {"type": "people", "people": ["Ann"]}
    assert not module.present


async def test_a_person_who_stops_reading_holds_up_nobody_and_learns_what_is_missing(server, enter):
    lines, text = 900, "x" * 7000
    async with (
        enter(server, "Ann") as ann,
        enter(server, "Ben") as ben,
    ):
        socket = trio.socket.socket()
        socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, 4096)
        await socket.connect(("127.0.0.1", server.port))
        async with trio.SocketStream(socket) as stream:
            slow = RawPeer(stream)
            await slow.open("/ws")
            await slow.send_text(json.dumps({"type": "join", "name": "Slow"}))
            assert [(await ann.hear())["name"], (await ann.hear())["name"]] == ["Ben", "Slow"]
            assert (await ben.hear())["name"] == "Slow"
            for number in range(lines):
                await ann.tell(type="say", text=f"{number} {text}")
                assert (await ben.hear())["text"].startswith(f"{number} ")
            await ann.tell(type="say", text="last")
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
