"""The private chat: the server knows each person, and a message goes to one of them."""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx
import pytest
import trio
from support.foreign_client import UNREAD
from support.program import Program
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.trio.client import connect

from trioweb.testing import RawPeer


@pytest.fixture
def module(example):
    return example("private_chat")


@asynccontextmanager
async def browser(server, name):
    """Log in, and return the client, which now has the cookie."""
    async with httpx.AsyncClient(base_url=server.urls[0], trust_env=False) as client:
        answer = await client.post("/login", data={"name": name})
        client.answer = answer
        yield client


def knock(server, name, client=None, **options):
    cookies = "; ".join(f"{one}={value}" for one, value in client.cookies.items()) if client else ""
    return connect(
        f"ws://127.0.0.1:{server.port}/ws/{quote(name)}",
        proxy=None,
        additional_headers={"Cookie": cookies} if cookies else None,
        max_queue=UNREAD,
        **options,
    )


class Person:
    def __init__(self, ws, client):
        self.ws, self.client = ws, client

    async def tell(self, **fields):
        await self.ws.send(json.dumps(fields))

    async def hear(self, kind):
        """Return the next line of this kind."""
        while (line := json.loads(await self.ws.recv()))["type"] != kind:
            pass
        return line


@asynccontextmanager
async def person(server, name):
    async with browser(server, name) as client, knock(server, name, client, subprotocols=["chat"]) as ws:
        yield Person(ws, client)


# Mistakes of a naive server: stray clients stop its loop, and it sends a subprotocol unasked.


@pytest.mark.parametrize(
    ("offered", "agreed"), [(["chat"], "chat"), (["x", "chat"], "chat"), (["x"], None), (None, None)]
)
async def test_the_subprotocol_is_agreed_on_only_where_it_is_offered(server, offered, agreed):
    async with browser(server, "Ann") as client, knock(server, "Ann", client, subprotocols=offered) as ws:
        assert ws.subprotocol == agreed
        assert ("Sec-WebSocket-Protocol" in ws.response.headers) is (agreed is not None)


async def test_a_client_that_speaks_no_websocket_is_answered_and_the_others_continue(server):
    async with person(server, "Ann") as ann:
        answer = await ann.client.get("/ws/Ann")
        assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")
        async with await trio.open_tcp_stream("127.0.0.1", server.port) as stray:
            await stray.send_all(b"\x16\x03\x01 nothing that is HTTP\r\n\r\n")
            assert (await stray.receive_some()).startswith(b"HTTP/1.1 400 ")
        await ann.tell(to_user="Ann", info="still here")
        assert (await ann.hear("delivered"))["to_user"] == "Ann"


async def test_many_people_talk_at_a_time(server):
    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(talk_to_oneself, server, f"Person {number}")


async def talk_to_oneself(server, name):
    async with person(server, name) as one:
        await one.tell(to_user=name, info=f"I am {name}")
        assert (await one.hear("message"))["info"] == f"I am {name}"


# Mistakes of a naive chat: anyone may be anyone, a second login steals the name, bad JSON ends the loop.


async def test_a_message_goes_to_one_person_and_the_sender_hears_that_it_did(server):
    async with person(server, "Ann") as ann, person(server, "Ben") as ben, person(server, "Cy") as cy:
        await ann.tell(to_user="Ben", info="<b>for you</b>", id=7)
        assert await ben.hear("message") == {
            "type": "message",
            "from_user": "Ann",
            "info": "<b>for you</b>",
        }
        assert await ann.hear("delivered") == {"type": "delivered", "to_user": "Ben", "id": 7}
        await ben.tell(to_user="Cy", info="next")
        assert (await cy.hear("message"))["info"] == "next"


async def test_the_sender_is_what_the_server_knows_whatever_the_message_says(server):
    async with person(server, "Ann") as ann, person(server, "Ben") as ben:
        await ann.tell(from_user="Cy", to_user="Ben", info="hello")
        assert (await ben.hear("message"))["from_user"] == "Ann"


async def test_delivery_to_somebody_absent_is_reported(server):
    async with person(server, "Ann") as ann:
        async with person(server, "Ben"):
            pass
        for nobody in ("Ben", "Zoe"):
            await ann.tell(to_user=nobody, info="hello", id=1)
            assert await ann.hear("absent") == {"type": "absent", "to_user": nobody, "id": 1}


async def test_nobody_comes_in_without_a_login_nor_under_another_name(server):
    with pytest.raises(InvalidStatus, match="401"):
        async with knock(server, "Ann"):
            pass
    async with browser(server, "Ann") as client:
        with pytest.raises(InvalidStatus, match="403"):
            async with knock(server, "Ben", client):
                pass


@pytest.mark.parametrize(
    "change",
    [lambda one: one[:-1] + ("1" if one.endswith("0") else "0"), lambda one: "QmVu" + one[4:], lambda _: "é"],
)
async def test_a_cookie_that_was_changed_is_worth_nothing(server, change):
    async with browser(server, "Ann") as client:
        cookie = change(client.cookies["private_chat"]).encode()
    async with httpx.AsyncClient(base_url=server.urls[0], trust_env=False) as other:
        answer = await other.get("/me", headers={"Cookie": b"private_chat=" + cookie})
        assert answer.json() == {"name": "", "has_cookie": True}


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(server):
    async with browser(server, "Ann") as client:
        assert client.answer.status_code == 204
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(
            client.answer.headers["set-cookie"].split("; ")
        )
        assert (await client.get("/me")).json() == {"name": "Ann", "has_cookie": True}


async def test_a_second_login_from_elsewhere_is_refused_while_the_first_is_here(server):
    async with person(server, "Ann") as ann:
        async with browser(server, "Ann") as thief:
            assert thief.answer.status_code == 409
            assert "Ann is here already" in thief.answer.text
        await ann.tell(to_user="Ann", info="me")
        assert (await ann.hear("message"))["from_user"] == "Ann"


async def test_a_name_is_held_for_a_while_and_then_free(module, server, monkeypatch):
    async with person(server, "Ann"):
        pass
    async with browser(server, "Ann") as early:
        assert early.answer.status_code == 409
        assert re.search(
            r"Ann was here just now, and the name is kept for (60|[1-5]\d) s more", early.answer.text
        )
    monkeypatch.setattr(module, "HELD_SECONDS", 0)
    async with browser(server, "Ann") as late:
        assert late.answer.status_code == 204


async def test_another_tab_of_the_same_browser_takes_over_and_the_first_learns_of_it(server):
    async with person(server, "Ann") as first, knock(server, "Ann", first.client) as ws:
        second = Person(ws, first.client)
        with pytest.raises(ConnectionClosed):
            while True:
                await first.ws.recv()
        assert (first.ws.close_code, first.ws.close_reason) == (4001, "You came in somewhere else.")
        await second.tell(to_user="Ann", info="here")
        assert (await second.hear("message"))["info"] == "here"


async def test_a_person_who_lost_the_name_between_login_and_handshake_is_told(module, server, monkeypatch):
    async with browser(server, "Ann") as early:
        async with person(server, "Ann"), knock(server, "Ann", early) as ws:
            await ws.wait_closed()
            assert (ws.close_code, ws.close_reason) == (4003, "Somebody else has this name now.")
        monkeypatch.setattr(module, "MOST_PEOPLE", 0)
        monkeypatch.setattr(module, "HELD_SECONDS", 0)
        async with knock(server, "Ann", early) as ws:
            await ws.wait_closed()
            assert ws.close_code == 1013


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
async def test_bad_json_gets_an_answer_and_the_talk_continues(server, message):
    async with person(server, "Ann") as ann:
        await ann.ws.send(message)
        assert (await ann.hear("error"))["text"].startswith("Expected")
        await ann.tell(to_user="Ann", info="fine")
        assert (await ann.hear("message"))["info"] == "fine"


async def test_a_person_who_does_not_read_is_reported_and_holds_up_nobody(server):
    async with person(server, "Ann") as ann, browser(server, "Slow") as client:
        socket = trio.socket.socket()
        socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, 4096)
        await socket.connect(("127.0.0.1", server.port))
        async with trio.SocketStream(socket) as stream:
            cookie = f"private_chat={client.cookies['private_chat']}"
            await RawPeer(stream).open("/ws/Slow", ("Cookie", cookie))
            while (await ann.hear("people"))["names"] != ["Ann", "Slow"]:
                pass
            fate = "delivered"
            while fate == "delivered":
                await ann.tell(to_user="Slow", info="x" * 8000)
                fate = json.loads(await ann.ws.recv())["type"]
            assert fate == "busy"


async def test_everybody_gets_the_list_of_those_present_until_they_log_out(server):
    async with person(server, "Ann") as ann:
        assert (await ann.hear("people"))["names"] == ["Ann"]
        async with person(server, "Ben") as ben:
            assert (await ann.hear("people"))["names"] == ["Ann", "Ben"]
            assert (await ben.client.post("/logout")).status_code == 204
            assert (await ann.hear("people"))["names"] == ["Ann"]
            assert (await ben.client.get("/me")).json() == {"name": "", "has_cookie": False}
            await ben.ws.wait_closed()
            assert (ben.ws.close_code, ben.ws.close_reason) == (4002, "You have logged out.")
        async with browser(server, "Ben") as another:
            assert another.answer.status_code == 204
            assert (await another.post("/logout")).status_code == 204


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
async def test_an_invalid_name_is_refused_for_the_real_reason(server, name, reason):
    async with browser(server, name) as client:
        assert client.answer.status_code == 400
        assert reason in client.answer.text


@pytest.mark.parametrize(
    "name",
    ["...", "a/b", "a\\b", "100%", "%2e", "?#", "Grüße 世界", "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"],
)
async def test_a_name_with_characters_that_are_special_in_urls_comes_in(server, name):
    async with (
        browser(server, name) as client,
        connect(
            f"ws://127.0.0.1:{server.port}/ws/{quote(name, safe='')}",
            proxy=None,
            additional_headers={"Cookie": f"private_chat={client.cookies['private_chat']}"},
        ) as ws,
    ):
        assert json.loads(await ws.recv())["names"] == [name]


@pytest.mark.parametrize("character", ["x", "\x01", "世", "\ud800"])
async def test_2000_characters_always_fit(server, character):
    async with person(server, "Ann") as ann:
        await ann.tell(to_user="Ann", info="x" + character * 1999, id=1)
        assert (await ann.hear("message"))["info"] == "x" + character * 1999


async def test_a_message_that_is_too_long_ends_only_its_own_connection(server):
    async with person(server, "Ann") as ann, person(server, "Ben") as ben:
        await ben.tell(to_user="Ann", info="x" * 17_000)
        with pytest.raises(ConnectionClosed):
            while True:
                await ben.ws.recv()
        assert ben.ws.close_code == 1009
        await ann.tell(to_user="Ben", info="hello?")
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
