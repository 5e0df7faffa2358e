"""`reconnecting` as users write it, for the type checkers."""

from __future__ import annotations

from typing import assert_type

import trioweb
from trioweb import Close, ReconnectingWebSocket, Retry


async def follow(url: str) -> None:
    retry = Retry(first_seconds=1, attempts=5, give_up_on=Retry().give_up_on | {410})
    async for ws in trioweb.reconnecting(url, retry=retry, resume="since", headers={"Cookie": "id=1"}):
        assert_type(ws, ReconnectingWebSocket)
        assert_type(ws.attempt, int)
        assert_type(ws.last_close, Close | None)
        assert_type(ws.seconds_apart, float | None)
        assert_type(ws.position, str | None)
        try:
            async for message in ws:
                assert_type(message, str | bytes)
        except trioweb.ConnectionClosedError:
            continue


async def first(url: str) -> str:
    loop = trioweb.reconnecting(url)
    ws = await anext(loop)
    text = await ws.receive_text()
    await loop.aclose()
    return text
