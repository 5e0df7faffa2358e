"""Tests as users write them with `trioweb.testing`, for the type checkers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, assert_type

import httpx

import trioweb
from trioweb import Config, Server, ServerSentEvent
from trioweb.testing import AppClient, ExpectingWebSocket, open_client, open_server, run_test

app = trioweb.App()


async def check_app(client: AppClient) -> None:
    assert_type(await client.get("/", params={"q": "1"}), httpx.Response)
    assert_type(client.server, Server)
    async with client.stream("GET", "/big") as response:
        assert_type(response, httpx.Response)
    async with client.events("/prices", last_event_id="7") as events:
        assert_type(await anext(events), ServerSentEvent)
        async for event in events:
            assert_type(event.id, str | None)
    async with client.websocket("/chat", subprotocols=["v1"], headers={"x": "1"}) as ws:
        assert_type(ws, ExpectingWebSocket)
        await ws.send("x")
        assert_type(await ws.expect_text("x"), str)
        assert_type(await ws.expect_bytes(), bytes)
        assert_type(await ws.expect_json({"n": 1}), Any)
        assert_type((await ws.expect_close(4000, "bye")).code, int)
        assert_type(await ws.expect_nothing(1), None)
        assert_type(await ws.receive(), str | bytes)


async def test_memory() -> int:
    async with open_client(app, config=Config(), peer=None, scheme="https", raise_errors=False) as client:
        assert_type(client, AppClient)
        await check_app(client)
    return 1


async def test_port(trioweb_server: Callable[..., AbstractAsyncContextManager[Server]]) -> None:
    async with trioweb_server(app) as server, open_server(app, config=Config()) as other:
        assert_type(other, Server)
        assert_type(server.urls[0], str)


assert_type(run_test(test_memory), int)
