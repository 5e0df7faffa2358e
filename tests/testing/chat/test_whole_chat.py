"""The rest of a hundred tests of the chat: its limits, its edges, and many people at once."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
import trio

from trioweb import Config, ConnectionClosedError, HandshakeRejected, Limits
from trioweb.testing import RawPeer, Stuck, open_client

pytestmark = pytest.mark.slow

TEXTS = ["a", "häßlich", "👋🏽", " ", "0", "null", "{}", "<b>", "a" * 1999, "\u2028", "line\nline", "\x00"]


@pytest.mark.parametrize("text", TEXTS)
async def test_any_text_arrives_as_it_was_sent(enter, text, autojump_clock):
    async with enter("ann") as ann, enter("bob") as bob:
        await bob.send(text)
        assert (await bob.expect_json())["text"] == text
        await ann.expect_json({"type": "joined", "name": "bob"})
        assert (await ann.expect_json())["text"] == text


@pytest.mark.parametrize("data", [b"", b"\x00", b"ab", bytes(range(256)), bytes(2000)])
async def test_bytes_come_back_in_reverse(enter, data, autojump_clock):
    async with enter("ann") as ann:
        await ann.send(data)
        await ann.expect_bytes(bytes(reversed(data)))


@pytest.mark.parametrize("word", ["darn", "heck", "oh darn it"])
async def test_bad_words_close_the_connection_of_whoever_says_them(enter, word, autojump_clock):
    async with enter("ann") as ann, enter("bob") as bob:
        await bob.send(word)
        await bob.expect_close(4003, "mind your words")
        await ann.expect_json({"type": "joined", "name": "bob"})
        await ann.expect_json({"type": "left", "name": "bob"})


@pytest.mark.parametrize("reason", ["", "see you", "grüße"])
async def test_quitting_closes_with_the_reason_that_was_given(enter, reason, autojump_clock):
    async with enter("ann") as ann:
        await ann.send(f"/quit {reason}".strip())
        await ann.expect_close(4000, reason or "bye")


@pytest.mark.parametrize("others", [0, 1, 2, 5, 10])
async def test_everybody_who_is_there_is_listed(enter, others, autojump_clock):
    async with AsyncExitStack() as stack:
        for number in range(others):
            await stack.enter_async_context(enter(f"user-{number:02}"))
        ann = await stack.enter_async_context(enter("ann"))
        await ann.send("/who")
        names = ["ann", *(f"user-{number:02}" for number in range(others))]
        await ann.expect_json({"type": "online", "names": names})


@pytest.mark.parametrize("length", [2001, 5000, 100_000])
async def test_a_message_that_is_too_long_closes_with_1009(enter, length, autojump_clock):
    async with enter("ann") as ann:
        await ann.send("a" * length)
        await ann.expect_close(1009)


async def test_nobody_enters_twice(enter, autojump_clock):
    async with enter("ann"):
        with pytest.raises(AssertionError, match="a close with 4009 and the reason 'here already'"):
            async with enter("ann"):
                pass


@pytest.mark.parametrize(("name", "status"), [("ann", 403), ("root", None)])
async def test_only_staff_enters_the_room_of_the_staff(enter, name, status, autojump_clock):
    if status is None:
        async with enter(name, "staff"):
            return
    with pytest.raises(HandshakeRejected) as caught:
        async with enter(name, "staff"):
            pass
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [([], None), (["chat.v1"], "chat.v1"), (["chat.v2", "chat.v1"], "chat.v2"), (["other"], None)],
)
async def test_the_subprotocol_is_one_that_both_speak(enter, offered, chosen, autojump_clock):
    async with enter("ann", subprotocols=offered) as ann:
        assert ann.subprotocol == chosen


@pytest.mark.parametrize("path", ["/", "/rooms/lobby/history", "/me", "/nowhere", "/rooms/a/b/c"])
async def test_every_response_names_the_user(client, path, autojump_clock):
    await client.post("/login", data={"name": "ann"})
    assert (await client.get(path)).headers["x-user"] == "ann"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/login", 405),
        ("POST", "/", 405),
        ("GET", "/rooms/lobby", 426),
        ("GET", "/nowhere", 404),
        ("HEAD", "/", 200),
        ("OPTIONS", "/", 405),
    ],
)
async def test_wrong_requests_are_told_so(client, method, path, status, autojump_clock):
    assert (await client.request(method, path)).status_code == status


async def test_a_form_without_a_name_is_explained(client, autojump_clock):
    response = await client.post("/login", data={"nick": "ann"})
    assert response.status_code == 400
    assert "we need more" in response.text


@pytest.mark.parametrize("length", [0, 1, 1000, 60_000])
async def test_an_avatar_is_uploaded(client, length, autojump_clock):
    await client.post("/login", data={"name": "ann"})
    response = await client.post("/avatars", files={"avatar": ("me.png", bytes(length), "image/png")})
    assert response.json() == {"bytes": length, "of": "ann"}


async def test_an_avatar_that_is_too_long_is_refused(client, autojump_clock):
    response = await client.post("/avatars", files={"avatar": ("me.png", bytes(100_000), "image/png")})
    assert response.status_code == 413


async def test_an_export_is_read_line_by_line(client, enter, autojump_clock):
    async with enter("ann") as ann:
        for number in range(3):
            await ann.send(str(number))
            await ann.expect_json()
        started = trio.current_time()
        async with client.stream("GET", "/rooms/lobby/export") as response:
            lines = [(line, trio.current_time() - started) async for line in response.aiter_lines()]
    assert lines == [("ann: 0", 0), ("ann: 1", 1), ("ann: 2", 2)]


async def test_an_export_may_be_left_in_the_middle(client, enter, autojump_clock):
    async with enter("ann") as ann:
        for number in range(3):
            await ann.send(str(number))
            await ann.expect_json()
        async with client.stream("GET", "/rooms/lobby/export") as response:
            async for line in response.aiter_lines():
                assert line == "ann: 0"
                break
    assert (await client.get("/")).status_code == 200


@pytest.mark.parametrize("count", [1, 10, 100])
async def test_many_messages_arrive_in_their_order(enter, count, autojump_clock):
    async with enter("ann") as ann, enter("bob") as bob, trio.open_nursery() as nursery:
        await ann.expect_json({"type": "joined", "name": "bob"})

        @nursery.start_soon
        async def talk():
            for number in range(count):
                await bob.send(str(number))

        for number in range(count):
            assert (await ann.expect_json())["text"] == str(number)


@pytest.mark.parametrize("users", [2, 5, 20])
async def test_many_people_talk_at_once(client, users, autojump_clock):
    heard = {}

    async def take_part(name):
        async with client.websocket("/rooms/lobby", headers={"cookie": tokens[name]}) as ws:
            await ws.expect_json()
            inside.add(name)
            if len(inside) == users:
                complete.set()
            await complete.wait()
            await ws.send(f"from {name}")
            texts = set()
            while len(texts) < users:
                message = await ws.expect_json()
                if message["type"] == "text":
                    texts.add(message["text"])
            heard[name] = texts

    tokens, inside, complete = {}, set(), trio.Event()
    for number in range(users):
        response = await client.post("/login", data={"name": f"user-{number}"})
        tokens[f"user-{number}"] = response.headers["set-cookie"].partition(";")[0]
    client.cookies.clear()
    async with trio.open_nursery() as nursery:
        for name in tokens:
            nursery.start_soon(take_part, name)
    assert heard == {name: {f"from {other}" for other in tokens} for name in tokens}


@pytest.mark.parametrize("seconds", [1, 60, 250])
async def test_reminders_do_not_stop_the_talk(enter, seconds, autojump_clock):
    async with enter("ann") as ann:
        await ann.send(f"/later {seconds}")
        await ann.send("meanwhile")
        assert (await ann.expect_json())["text"] == "meanwhile"
        await ann.expect_nothing(seconds - 0.5)
        await ann.expect_json({"type": "reminder"})


async def test_talking_keeps_a_connection_open_for_hours(enter, autojump_clock):
    async with enter("ann") as ann:
        for _ in range(30):
            await ann.expect_nothing(299)
            await ann.send("still here")
            await ann.expect_json()


async def test_a_peer_that_vanishes_leaves_the_room(client, enter, autojump_clock):
    async with enter("ann") as ann:
        response = await client.post("/login", data={"name": "bob"})
        peer = RawPeer(client.open_stream())
        await peer.open("/rooms/lobby", ("cookie", response.headers["set-cookie"].partition(";")[0]))
        await ann.expect_json({"type": "joined", "name": "bob"})
        await trio.sleep(39)
        await ann.expect_nothing(0.5)
        await ann.expect_json({"type": "left", "name": "bob"})


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
async def test_a_close_of_the_client_is_confirmed(enter, code, autojump_clock):
    async with enter("ann") as ann:
        await ann.aclose(code)
        assert ann.closed.code == code


async def test_a_bug_is_1011_to_those_who_ask_for_it(chat, autojump_clock):
    async with open_client(chat, raise_errors=False) as client:
        await client.post("/login", data={"name": "ann"})
        assert (await client.get("/crash")).status_code == 500
        async with client.websocket("/rooms/lobby") as ws:
            await ws.expect_json()
            await ws.send("/crash")
            with pytest.raises(ConnectionClosedError):
                await ws.receive()
            assert ws.closed.code == 1011


async def test_waiting_for_a_message_that_nobody_sends_ends_by_the_chats_own_rule(enter, autojump_clock):
    async with enter("ann") as ann:
        with pytest.raises(AssertionError, match="a close with 4008"):
            await ann.expect_text("hello")


async def test_a_handler_that_hangs_is_found(chat, autojump_clock):
    async with open_client(chat) as client:
        await client.post("/login", data={"name": "ann"})
        async with client.websocket("/rooms/lobby") as ws:
            await ws.expect_json()
            await ws.send("/hang")
            with pytest.raises((Stuck, AssertionError)):
                await ws.expect_text("hello")


@pytest.mark.parametrize("most", [1, 3])
async def test_only_so_many_connections_are_let_in(chat, autojump_clock, most):
    async with open_client(chat, config=Config(limits=Limits(connections=most))) as client:
        streams = [client.open_stream() for _ in range(most)]
        assert (await client.get("/")).status_code == 503
        for stream in streams:
            await stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert (await client.get("/")).status_code == 200


async def test_a_shutdown_lets_an_export_finish(client, enter, autojump_clock):
    async with enter("ann") as ann:
        for number in range(3):
            await ann.send(str(number))
            await ann.expect_json()
    async with client.stream("GET", "/rooms/lobby/export") as response, trio.open_nursery() as nursery:
        nursery.start_soon(client.server.aclose)
        assert [line async for line in response.aiter_lines()] == ["ann: 0", "ann: 1", "ann: 2"]


async def test_the_statistics_count_what_happened(client, enter, autojump_clock):
    async with enter("ann") as ann:
        await ann.send("hello")
        await ann.expect_json()
        statistics = client.server.statistics()
    assert (statistics.websockets, statistics.messages_received, statistics.messages_sent) == (1, 1, 2)
    assert client.server.statistics().close_codes == {1000: 1}
