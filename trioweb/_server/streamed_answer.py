"""One answer that is made while it is sent: its source, its client, and who ends first."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial

import trio

from trioweb._http.connection import Http1Connection
from trioweb._http.departure import ClientLeft
from trioweb._transport.companion import accompanied
from trioweb._web.response import Response
from trioweb._web.streams.keepalive import Keepalive

SendHead = Callable[[bytes], Awaitable[None]]
"""Sends the head, and the first piece of the body with it."""


class StreamedAnswer:
    """Asks for a piece when the one before is sent, until the source or the client ends.

    The source runs in the session's task, from its first step to its `finally` blocks.

    Args:
        http: Where the pieces go.
        response: Was prepared; it is streamed.
        send_head: Called when the first piece is there.
    """

    __slots__ = ("_http", "_response", "_send_head", "_sending", "_sent_at")

    def __init__(self, http: Http1Connection, response: Response, send_head: SendHead) -> None:
        self._http = http
        self._response = response
        self._send_head = send_head
        self._sending = trio.Lock()  # a keepalive's piece may come between two of the source's
        self._sent_at = 0.0

    async def run(self) -> None:
        """Send it all, and close the source.

        Raises:
            ClientLeft: The client is gone, or takes nothing.
            Exception: Whatever the source raised.
        """
        if not self._response.stops_when_client_leaves:
            async with self._http.discarding_body():
                await self._run()
            return
        async with self._http.cancel_on_departure() as scope:
            await self._run()
        if scope.cancelled_caught:
            raise ClientLeft("the client left before its answer was complete")

    def drain(self) -> None:
        """End in good order what has no end of its own: the server shuts down."""
        if self._response.ends_at_shutdown:
            self._response.stop()

    async def _run(self) -> None:
        keepalive = self._response.keepalive
        async with aclosing(self._response.chunks()) as chunks:
            await self._send_head(await anext(chunks, b""))
            if keepalive is None:
                async for piece in chunks:
                    await self._http.send_piece(piece)
            else:
                await self._send_kept_alive(chunks, keepalive)
            await self._http.end_response()

    # With a keepalive.

    async def _send_kept_alive(self, chunks: AsyncGenerator[bytes, None], keepalive: Keepalive) -> None:
        self._sent_at = trio.current_time()
        async with accompanied(partial(self._keep_alive, keepalive), "trioweb event stream") as scope:
            async for piece in chunks:
                async with self._sending:
                    await self._send(piece)
            await self._sending.acquire()  # for good: no comment is to be cut in its middle
        if scope.cancelled_caught:
            raise ClientLeft("the client took no comment in the silence")

    async def _send(self, piece: bytes) -> None:
        await self._http.send_piece(piece)
        self._sent_at = trio.current_time()

    async def _keep_alive(self, keepalive: Keepalive, block: trio.CancelScope) -> None:
        try:
            while True:
                await trio.sleep_until(self._sent_at + keepalive.seconds)
                async with self._sending:
                    if trio.current_time() >= self._sent_at + keepalive.seconds:
                        await self._send(keepalive.piece)
        except ClientLeft:
            block.cancel(reason="the client is gone, or takes nothing")
