"""`connect` and `connect_stream` as users write them, for the type checkers."""

from __future__ import annotations

import ssl
from typing import Any, assert_type

import trio

import trioweb
from trioweb import ClientWebSocket, Close, Config, ConnectFailed, Deflate, HandshakeRejected, Timeouts


async def talk(url: str) -> None:
    config = Config(timeouts=Timeouts(connect_seconds=5))
    context = ssl.create_default_context()
    async with trioweb.connect(
        url,
        subprotocols=["chat"],
        headers={"Cookie": "id=1"},
        ssl_context=context,
        proxy=False,
        compression=Deflate(),
        config=config,
        most_redirects=1,
    ) as ws:
        assert_type(ws, ClientWebSocket)
        assert_type(ws.subprotocol, str | None)
        assert_type(ws.response.status, int)
        assert_type(ws.response.headers.get("server"), str | None)
        assert_type(await ws.receive(), str | bytes)
        assert_type(await ws.receive_text(), str)
        assert_type(await ws.receive_bytes(), bytes)
        assert_type(await ws.receive_json(), Any)
        assert_type(await ws.ping(), float)
        await ws.send("hello")
    assert_type(ws.closed, Close | None)


async def over(stream: trio.abc.Stream, proxy: str | None) -> str:
    try:
        async with trioweb.connect_stream(stream, "ws://server/") as ws:
            return await ws.receive_text()
    except HandshakeRejected as refusal:
        assert_type(refusal.body, bytes)
        return str(refusal.status)
    except ConnectFailed as error:
        return error.phase
