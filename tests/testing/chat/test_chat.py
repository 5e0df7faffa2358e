"""The chat, tested as its author would: the ordinary course of things."""

from __future__ import annotations

import pytest
import trio

from trioweb import HandshakeRejected


async def test_the_page_is_served(client, autojump_clock):
    response = await client.get("/")
    assert response.text == "<h1>chat</h1>"
    assert response.headers["x-user"] == "nobody"


async def test_logging_in_is_remembered(client, autojump_clock):
    await client.post("/login", data={"name": "ann"})
    response = await client.get("/me")
    assert response.json() == {"name": "ann"}
    assert response.headers["x-user"] == "ann"
    await client.post("/logout")
    assert (await client.get("/me")).status_code == 401


async def test_a_room_is_closed_to_strangers(client, autojump_clock):
    with pytest.raises(HandshakeRejected) as caught:
        async with client.websocket("/rooms/lobby"):
            pass
    assert caught.value.status == 401
    assert b"log in first" in caught.value.body


async def test_a_message_reaches_everybody_in_the_room(enter, autojump_clock):
    async with enter("ann") as ann, enter("bob") as bob, enter("eve", "other") as eve:
        await ann.expect_json({"type": "joined", "name": "bob"})
        await bob.send("hello")
        for ws in (ann, bob):
            await ws.expect_json({"type": "text", "from": "bob", "text": "hello"})
        await eve.expect_nothing(10)


async def test_leaving_is_told_to_those_who_stay(enter, autojump_clock):
    async with enter("ann") as ann:
        async with enter("bob"):
            await ann.expect_json({"type": "joined", "name": "bob"})
        await ann.expect_json({"type": "left", "name": "bob"})


async def test_messages_are_kept_for_those_who_come_later(client, enter, autojump_clock):
    async with enter("ann") as ann:
        for text in ("one", "two"):
            await ann.send(text)
            await ann.expect_json()
    response = await client.get("/rooms/lobby/history", params={"most": 1})
    assert response.json() == [{"type": "text", "from": "ann", "text": "two"}]


async def test_the_history_is_forgotten_within_the_hour(client, enter, autojump_clock):
    async with enter("ann") as ann:
        await ann.send("one")
        await ann.expect_json()
    await trio.sleep(3600)
    assert (await client.get("/rooms/lobby/history")).json() == []


async def test_a_reminder_comes_when_it_was_asked_for(enter, autojump_clock):
    async with enter("ann") as ann:
        await ann.send("/later 120")
        await ann.expect_nothing(119.9)
        await ann.expect_json({"type": "reminder"})


async def test_somebody_who_says_nothing_is_closed_out(enter, autojump_clock):
    async with enter("ann") as ann:
        started = trio.current_time()
        await ann.expect_close(4008, "are you still there?")
        assert trio.current_time() == started + 300


async def test_a_bug_of_the_chat_comes_out_in_the_test(client, enter, autojump_clock):
    with pytest.raises(RuntimeError, match="the page has a bug"):
        await client.get("/crash")
    async with enter("ann") as ann:
        await ann.send("/crash the room too")
        with pytest.raises(RuntimeError, match="the room too"):
            await ann.receive()


async def test_events_carry_the_messages_to_a_page_without_a_websocket(client, enter, autojump_clock):
    async with client.events("/rooms/lobby/events") as events, enter("ann") as ann:
        assert (await anext(events)).data == '{"type": "joined", "name": "ann"}'
        await ann.send("hello")
        event = await anext(events)
        assert event.id == "2"
        assert '"text": "hello"' in event.data


async def test_a_shutdown_closes_the_room_and_the_lifespan(chat, client, enter, autojump_clock):
    async with enter("ann") as ann, trio.open_nursery() as nursery:
        nursery.start_soon(client.server.aclose)
        await ann.expect_close(1001)
    await client.server.wait_closed()
    assert not chat.state.is_open
