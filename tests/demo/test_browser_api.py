"""The requests of the page about the browser's WebSocket, made by the test kit's client."""

from __future__ import annotations

import pytest

from trioweb import Deflate, HandshakeRejected, LocalProtocolError


@pytest.fixture
def module(example):
    return example("browser_api")


@pytest.mark.parametrize(
    ("offered", "agreed"), [(["chat", "news"], "news"), (["chat"], "chat"), (["x"], None), ([], None)]
)
async def test_the_servers_order_of_subprotocols_counts(client, offered, agreed, autojump_clock):
    async with client.websocket("/echo", subprotocols=offered) as ws:
        assert ws.subprotocol == agreed
        await ws.send("hello")
        await ws.expect_text("hello")


async def test_only_the_compressed_route_compresses(client, autojump_clock):
    async with client.websocket("/compressed", compression=Deflate()) as ws:
        assert ws.response.headers["sec-websocket-extensions"].startswith("permessage-deflate")
        await ws.send("x" * 10_000)
        await ws.expect_text("x" * 10_000)
    async with client.websocket("/echo", compression=Deflate()) as ws:
        assert "sec-websocket-extensions" not in ws.response.headers


async def test_waiting_messages_are_read_and_counted(client, autojump_clock):
    async with client.websocket("/late") as ws:
        for _ in range(3):
            await ws.send(b"x" * 100_000)
        await ws.send("that was all")
        await ws.expect_json({"received": 300_000})


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1013, "later"), (4999, "grüße ☺")])
async def test_the_server_closes_as_asked(client, code, reason, autojump_clock):
    async with client.websocket(f"/close/{code}?reason={reason}") as ws:
        await ws.expect_close(code, reason)


async def test_a_close_code_that_may_not_be_sent_becomes_1011(client, autojump_clock):
    async with client.websocket("/close/1005") as ws:
        with pytest.raises(LocalProtocolError, match="1005 cannot be sent"):
            await ws.expect_close()
        assert ws.closed.code == 1011


async def test_the_servers_view_is_reported_on_another_connection(client, autojump_clock):
    async with client.websocket("/watching/one") as witness:
        await witness.expect_text("watching")
        async with client.websocket("/watched/one") as ws:
            await ws.aclose(4321, "bye ☺")
        await witness.expect_json({"code": 4321, "reason": "bye ☺"})


async def test_a_refusal_is_an_http_response(client, autojump_clock):
    with pytest.raises(HandshakeRejected, match="403"):
        async with client.websocket("/refused"):
            pass
