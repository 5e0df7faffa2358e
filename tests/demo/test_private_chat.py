"""The private chat: the server knows each person, and a message goes to one of them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx
import pytest
import trio
from support.program import Program

from trioweb import Close, ConnectionClosedError, HandshakeRejected
from trioweb.testing import RawPeer


@pytest.fixture
def module(example):
    return example("private_chat")


class Browser:
    """What one browser has after a login: the answer, and the cookie."""

    def __init__(self, answer):
        self.answer = answer
        self.cookie = answer.cookies.get("private_chat", "")
        self.headers = {"Cookie": f"private_chat={self.cookie}"}


async def log_in(client, name):
    """Log in as a browser with no cookies, beside those that have some."""
    answer = await client.post("/login", data={"name": name})
    client.cookies.clear()
    return Browser(answer)


def knock(client, name, browser=None, **options):
    return client.websocket(f"/ws/{quote(name)}", headers=browser and browser.headers, **options)


class Person:
    def __init__(self, ws, browser):
        self.ws, self.browser = ws, browser
        self.send_json = ws.send_json

    async def hear(self, kind):
        """Return the next line of this kind."""
        while (line := await self.ws.expect_json())["type"] != kind:
            pass
        return line

    async def last(self):
        """Receive everything until the end of the connection."""
        async for _ in self.ws:
            pass


@asynccontextmanager
async def person(client, name):
    browser = await log_in(client, name)
    async with knock(client, name, browser, subprotocols=["chat"]) as ws:
        yield Person(ws, browser)


# Mistakes of a naive server: stray clients stop its loop, and it sends a subprotocol unasked.


@pytest.mark.parametrize(
    ("offered", "agreed"), [(["chat"], "chat"), (["x", "chat"], "chat"), (["x"], None), ([], None)]
)
async def test_the_subprotocol_is_agreed_on_only_where_it_is_offered(client, offered, agreed, autojump_clock):
    ann = await log_in(client, "Ann")
    async with knock(client, "Ann", ann, subprotocols=offered) as ws:
        assert ws.subprotocol == agreed
        assert ("Sec-WebSocket-Protocol" in ws.response.headers) is (agreed is not None)


async def test_a_client_that_speaks_no_websocket_is_answered_and_the_others_continue(client, autojump_clock):
    async with person(client, "Ann") as ann:
        answer = await client.get("/ws/Ann", headers=ann.browser.headers)
        assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")
        async with client.open_stream() as stray:
            await stray.send_all(b"\x16\x03\x01 nothing that is HTTP\r\n\r\n")
            assert (await stray.receive_some()).startswith(b"HTTP/1.1 400 ")
        await ann.send_json({"to_user": "Ann", "info": "still here"})
        assert (await ann.hear("delivered"))["to_user"] == "Ann"


async def test_many_people_talk_at_a_time(client, autojump_clock):
    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(talk_to_oneself, client, f"Person {number}")


async def talk_to_oneself(client, name):
    async with person(client, name) as one:
        await one.send_json({"to_user": name, "info": f"I am {name}"})
        assert (await one.hear("message"))["info"] == f"I am {name}"


# Mistakes of a naive chat: anyone may be anyone, a second login steals the name, bad JSON ends the loop.


async def test_a_message_goes_to_one_person_and_the_sender_hears_that_it_did(client, autojump_clock):
    async with person(client, "Ann") as ann, person(client, "Ben") as ben, person(client, "Cy") as cy:
        await ann.send_json({"to_user": "Ben", "info": "<b>for you</b>", "id": 7})
        assert await ben.hear("message") == {
            "type": "message",
            "from_user": "Ann",
            "info": "<b>for you</b>",
        }
        assert await ann.hear("delivered") == {"type": "delivered", "to_user": "Ben", "id": 7}
        await ben.send_json({"to_user": "Cy", "info": "next"})
        assert (await cy.hear("message"))["info"] == "next"


async def test_the_sender_is_what_the_server_knows_whatever_the_message_says(client, autojump_clock):
    async with person(client, "Ann") as ann, person(client, "Ben") as ben:
        await ann.send_json({"from_user": "Cy", "to_user": "Ben", "info": "hello"})
        assert (await ben.hear("message"))["from_user"] == "Ann"


async def test_delivery_to_somebody_absent_is_reported(client, autojump_clock):
    async with person(client, "Ann") as ann:
        async with person(client, "Ben"):
            pass
        for nobody in ("Ben", "Zoe"):
            await ann.send_json({"to_user": nobody, "info": "hello", "id": 1})
            assert await ann.hear("absent") == {"type": "absent", "to_user": nobody, "id": 1}


async def test_nobody_comes_in_without_a_login_nor_under_another_name(client, autojump_clock):
    with pytest.raises(HandshakeRejected, match="401"):
        async with knock(client, "Ann"):
            pass
    ann = await log_in(client, "Ann")
    with pytest.raises(HandshakeRejected, match="403"):
        async with knock(client, "Ben", ann):
            pass


@pytest.mark.parametrize(
    "change",
    [lambda one: one[:-1] + ("1" if one.endswith("0") else "0"), lambda one: "QmVu" + one[4:], lambda _: "é"],
)
async def test_a_cookie_that_was_changed_is_worth_nothing(client, change, autojump_clock):
    cookie = change((await log_in(client, "Ann")).cookie).encode()
    answer = await client.get("/me", headers={"Cookie": b"private_chat=" + cookie})
    assert answer.json() == {"name": "", "has_cookie": True}


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client, autojump_clock):
    ann = await log_in(client, "Ann")
    assert ann.answer.status_code == 204
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(ann.answer.headers["set-cookie"].split("; "))
    answer = await client.get("/me", headers=ann.headers)
    assert answer.json() == {"name": "Ann", "has_cookie": True}


async def test_a_second_login_from_elsewhere_is_refused_while_the_first_is_here(client, autojump_clock):
    async with person(client, "Ann") as ann:
        thief = await log_in(client, "Ann")
        assert thief.answer.status_code == 409
        assert "Ann is here already" in thief.answer.text
        await ann.send_json({"to_user": "Ann", "info": "me"})
        assert (await ann.hear("message"))["from_user"] == "Ann"


async def test_a_name_is_held_for_a_while_and_then_free(module, client, monkeypatch, autojump_clock):
    async with person(client, "Ann"):
        pass
    await trio.sleep(1)
    early = await log_in(client, "Ann")
    assert early.answer.status_code == 409
    assert "Ann was here just now, and the name is kept for 59 s more" in early.answer.text
    await trio.sleep(module.HELD_SECONDS)
    assert (await log_in(client, "Ann")).answer.status_code == 204


async def test_another_tab_of_the_same_browser_takes_over_and_the_first_learns_of_it(client, autojump_clock):
    async with person(client, "Ann") as first, knock(client, "Ann", first.browser) as ws:
        second = Person(ws, first.browser)
        with pytest.raises(ConnectionClosedError):
            await first.last()
        assert first.ws.closed == Close(4001, "You came in somewhere else.")
        await second.send_json({"to_user": "Ann", "info": "here"})
        assert (await second.hear("message"))["info"] == "here"


async def test_a_person_who_lost_the_name_between_login_and_handshake_is_told(
    module, client, monkeypatch, autojump_clock
):
    early = await log_in(client, "Ann")
    async with person(client, "Ann"), knock(client, "Ann", early) as ws:
        await ws.expect_close(4003, "Somebody else has this name now.")
    monkeypatch.setattr(module, "MOST_PEOPLE", 0)
    await trio.sleep(module.HELD_SECONDS + 1)
    async with knock(client, "Ann", early) as ws:
        await ws.expect_close(1013)


@pytest.mark.parametrize(
    "message",
    [
        "no JSON",
        b"\xff\xfe",
        "[" * 5000,
        "[]",
        "null",
        '{"to_user": 3, "info": "x"}',
        '{"to_user": "Ann", "info": " "}',
    ],
)
async def test_bad_json_gets_an_answer_and_the_talk_continues(client, message, autojump_clock):
    async with person(client, "Ann") as ann:
        await ann.ws.send(message)
        assert (await ann.hear("error"))["text"].startswith("Expected")
        await ann.send_json({"to_user": "Ann", "info": "fine"})
        assert (await ann.hear("message"))["info"] == "fine"


async def test_a_person_who_does_not_read_is_reported_and_holds_up_nobody(client, autojump_clock):
    slow = await log_in(client, "Slow")
    async with person(client, "Ann") as ann, client.open_stream() as stream:
        await RawPeer(stream).open("/ws/Slow", *slow.headers.items())
        while (await ann.hear("people"))["names"] != ["Ann", "Slow"]:
            pass
        fate = "delivered"
        while fate == "delivered":
            await ann.send_json({"to_user": "Slow", "info": "x" * 8000})
            fate = (await ann.ws.expect_json())["type"]
        assert fate == "busy"


async def test_everybody_gets_the_list_of_those_present_until_they_log_out(client, autojump_clock):
    async with person(client, "Ann") as ann:
        assert (await ann.hear("people"))["names"] == ["Ann"]
        async with person(client, "Ben") as ben:
            assert (await ann.hear("people"))["names"] == ["Ann", "Ben"]
            answer = await client.post("/logout", headers=ben.browser.headers)
            assert answer.status_code == 204
            assert "private_chat=" in answer.headers["set-cookie"]
            assert "Max-Age=0" in answer.headers["set-cookie"]
            assert (await ann.hear("people"))["names"] == ["Ann"]
            with pytest.raises(ConnectionClosedError):
                await ben.last()
            assert ben.ws.closed == Close(4002, "You have logged out.")
        another = await log_in(client, "Ben")
        assert another.answer.status_code == 204
        assert (await client.post("/logout", headers=another.headers)).status_code == 204


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "1 to 24 characters"),
        ("   ", "1 to 24 characters"),
        ("x" * 25, "1 to 24 characters"),
        ("a\x00b", "U+0000"),
        ("\u202e", "U+202E"),
        ("\u200b", "U+200B"),
        ("Ann\u200d", "U+200D"),
        ("A\u2066nn", "U+2066"),
        (".", "mean folders"),
        (" .. ", "mean folders"),
        ("/a", "mean folders"),
        ("a//b", "mean folders"),
        ("a\\..", "mean folders"),
    ],
)
async def test_an_invalid_name_is_refused_for_the_real_reason(client, name, reason, autojump_clock):
    answer = (await log_in(client, name)).answer
    assert answer.status_code == 400
    assert reason in answer.text


@pytest.mark.parametrize(
    "name",
    ["...", "a/b", "a\\b", "100%", "%2e", "?#", "Grüße 世界", "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"],
)
async def test_a_name_with_characters_that_are_special_in_urls_comes_in(client, name, autojump_clock):
    browser = await log_in(client, name)
    async with client.websocket(f"/ws/{quote(name, safe='')}", headers=browser.headers) as ws:
        assert (await ws.expect_json())["names"] == [name]


@pytest.mark.parametrize("character", ["x", "\x01", "世", "\ud800"])
async def test_2000_characters_always_fit(client, character, autojump_clock):
    async with person(client, "Ann") as ann:
        await ann.send_json({"to_user": "Ann", "info": "x" + character * 1999, "id": 1})
        assert (await ann.hear("message"))["info"] == "x" + character * 1999


async def test_a_message_that_is_too_long_ends_only_its_own_connection(client, autojump_clock):
    async with person(client, "Ann") as ann, person(client, "Ben") as ben:
        await ben.send_json({"to_user": "Ann", "info": "x" * 17_000})
        with pytest.raises(ConnectionClosedError):
            await ben.last()
        assert ben.ws.closed.code == 1009
        await ann.send_json({"to_user": "Ben", "info": "hello?"})
        assert (await ann.hear("absent"))["to_user"] == "Ben"


def test_a_key_that_stays_keeps_people_logged_in_over_a_restart(monkeypatch):
    monkeypatch.setenv("CHAT_KEY", "a secret of this test")
    with httpx.Client(trust_env=False) as client:
        for attempt in range(2):
            with Program("demo/private_chat.py", "--port", "0") as program:
                url = program.wait_for_url()
                if attempt == 0:
                    client.post(f"{url}/login", data={"name": "Ann"})
                assert client.get(f"{url}/me").json()["name"] == "Ann"
                assert program.interrupt()[0] == 0
