"""Bodies of requests that come from a test."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from trioweb._web.body import NoBody, RequestBody
from trioweb.config import Limits


class PiecesFrom(NoBody):
    """Gives the pieces that a function returns, `b""` at the end."""

    def __init__(self, receive: Callable[[], Awaitable[bytes]]) -> None:
        self._receive = receive

    async def receive(self) -> bytes:
        return await self._receive()


def body_from(receive: Callable[[], Awaitable[bytes]], limits: Limits | None = None) -> RequestBody:
    return RequestBody(PiecesFrom(receive), limits=limits or Limits())
