"""The host names under which requests and handshakes are answered."""

from __future__ import annotations

import contextlib
import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.serving import in_memory

from trioweb import App, Config, ConfigError, HandshakeRejected, HTTPError
from trioweb.middleware import AllowedHosts
from trioweb.testing import open_client

HOSTS = ["example.org", "*.Example.org", "192.0.2.1", "[2001:db8::1]", "[::1]", "rooted.example."]


def app_with(hosts, config=None):
    app = App(config)
    app.middleware(AllowedHosts(hosts=hosts))

    @app.get("/")
    async def index(request):
        return request.host

    @app.websocket("/ws")
    async def handler(ws):
        await ws.send("hello")

    return app


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [
        ("example.org", True),
        ("EXAMPLE.org", True),
        ("example.org.", True),
        ("example.org:8080", True),
        ("example.org.:8080", True),
        ("www.example.org", True),
        ("a.b.example.org:443", True),
        ("rooted.example", True),
        ("192.0.2.1", True),
        ("192.0.2.1:80", True),
        ("[2001:db8::1]", True),
        ("[2001:DB8:0:0::1]:8080", True),
        ("[::1]", True),
        ("evil.example", False),
        ("example.org.evil.example", False),
        ("evilexample.org", False),
        ("a.rooted.example", False),
        ("example.org..", False),
        ("192.0.2.2", False),
        ("[2001:db8::2]", False),
        ("[::ffff:127.0.0.1]", False),
        ("localhost", False),
        ("*.example.org", False),
        ("evil.example%2f.example.org", False),
        ("evil.example%2F.example.org:80", False),
        ("evil.example%00.example.org", False),
        ("evil.example%5c.example.org", False),
        ("evil!.example.org", False),
        ("evil.example;.example.org", False),
        (".example.org", False),
        ("a..example.org", False),
        ("a.example.org..", False),
    ],
)
async def test_only_hosts_on_the_list_are_served(autojump_clock, host, is_allowed):
    async with open_client(app_with(HOSTS)) as client:
        response = await client.get("/", headers={"Host": host})
    assert response.status_code == (200 if is_allowed else 421)


async def test_a_request_without_a_host_is_refused(autojump_clock):
    async with in_memory(app_with(HOSTS)) as peer:
        await peer.send(b"GET / HTTP/1.0\r\n\r\n")
        assert (await peer.receive_head()).startswith("HTTP/1.1 421")


async def test_the_refusal_names_the_setting_and_the_connection_continues(autojump_clock):
    async with in_memory(app_with(["example.org"])) as peer:
        await peer.send(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        head, body = await peer.receive_response()
        assert head.startswith("HTTP/1.1 421 Misdirected Request")
        assert b"AllowedHosts.hosts" in body
        assert b"evil" not in body
        await peer.send(b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")
        assert (await peer.receive_response())[1] == b"example.org"


async def test_handshakes_of_a_page_whose_name_was_rebound_are_refused(autojump_clock):
    rebound = {"Origin": "http://evil.example", "Host": "evil.example"}
    async with open_client(app_with(["testserver"])) as client:
        with pytest.raises(HandshakeRejected) as rejected:
            async with client.websocket("/ws", headers=rebound):
                pass
        assert rejected.value.status == 421
        async with client.websocket("/ws") as ws:
            await ws.expect_text("hello")


async def test_a_trusted_proxy_says_what_the_host_was():
    async with open_client(app_with(["example.org"], Config(trusted_proxies=["192.0.2.1"]))) as client:
        fields = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Host": "example.org"}
        assert (await client.get("/", headers=fields)).text == "example.org"
        assert (await client.get("/", headers=fields | {"X-Forwarded-Host": "x.example"})).status_code == 421
    async with open_client(app_with(["example.org"])) as client:
        assert (await client.get("/", headers=fields)).status_code == 421, "anybody could say so"


@pytest.mark.parametrize(
    "hosts",
    [
        "example.org",
        None,
        [],
        [""],
        ["*"],
        ["*.*.example.org"],
        ["www.*"],
        ["example.org:80"],
        ["http://example.org"],
        ["ex ample.org"],
        ["b\xfccher.example"],
        ["::1"],
        ["[::g]"],
        ["[1:2]"],
        ["*.[::1]"],
        ["[::1]:80"],
        ["example.org:"],
        ["a%2f.example.org"],
        ["a..example.org"],
        [7],
    ],
)
def test_an_argument_that_is_not_a_list_of_names_is_refused(hosts):
    with pytest.raises(ConfigError, match=r"AllowedHosts\.hosts"):
        AllowedHosts(hosts=hosts)


PIECES = [
    "example",
    ".",
    "org",
    ":",
    "80",
    "[::1]",
    "evil",
    "*",
    " ",
    "/",
    "@",
    "\\",
    "[",
    "]",
    "\t",
    "%2f",
    "!",
]


@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
async def test_every_host_that_passes_is_on_the_list(host):
    layer = AllowedHosts(hosts=["example.org", "*.example.org", "[::1]"])
    passed = []

    async def call_next(request):
        passed.append(request)

    with contextlib.suppress(HTTPError):
        await layer(SimpleNamespace(host=host), call_next)
    if passed:
        assert re.fullmatch(r"(([a-z0-9.]*\.)?example\.org\.?|\[::1\])(:[0-9]*)?", host)
    else:
        assert host not in {"example.org", "www.example.org", "example.org:80", "[::1]"}
