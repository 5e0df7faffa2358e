"""The requests of the page about the browser's WebSocket, made by another client."""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import InvalidStatus
from websockets.trio.client import connect


@pytest.fixture
def module(example):
    return example("browser_api")


def client(server, path, **options):
    return connect(f"ws://127.0.0.1:{server.port}{path}", proxy=None, **options)


@pytest.mark.parametrize(
    ("offered", "agreed"), [(["chat", "news"], "news"), (["chat"], "chat"), (["x"], None), (None, None)]
)
async def test_the_servers_order_of_subprotocols_counts(server, offered, agreed):
    async with client(server, "/echo", subprotocols=offered) as ws:
        assert ws.subprotocol == agreed
        await ws.send("hello")
        assert await ws.recv() == "hello"


async def test_only_the_compressed_route_compresses(server):
    async with client(server, "/compressed") as ws:
        assert [one.name for one in ws.protocol.extensions] == ["permessage-deflate"]
        await ws.send("x" * 10_000)
        assert await ws.recv() == "x" * 10_000
    async with client(server, "/echo") as ws:
        assert ws.protocol.extensions == []


async def test_waiting_messages_are_read_and_counted(server):
    async with client(server, "/late") as ws:
        for _ in range(3):
            await ws.send(b"x" * 100_000)
        await ws.send("that was all")
        assert json.loads(await ws.recv()) == {"received": 300_000}


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1013, "later"), (4999, "grüße ☺")])
async def test_the_server_closes_as_asked(server, code, reason):
    async with client(server, f"/close/{code}?reason={reason}") as ws:
        await ws.wait_closed()
        assert (ws.close_code, ws.close_reason) == (code, reason)


async def test_a_close_code_that_may_not_be_sent_becomes_1011(server):
    async with client(server, "/close/1005") as ws:
        await ws.wait_closed()
        assert ws.close_code == 1011


async def test_the_servers_view_is_reported_on_another_connection(server):
    async with client(server, "/watching/one") as witness:
        assert await witness.recv() == "watching"
        async with client(server, "/watched/one") as ws:
            await ws.aclose(4321, "bye ☺")
        assert json.loads(await witness.recv()) == {"code": 4321, "reason": "bye ☺"}


async def test_a_refusal_is_an_http_response(server):
    with pytest.raises(InvalidStatus, match="403"):
        async with client(server, "/refused"):
            pass
