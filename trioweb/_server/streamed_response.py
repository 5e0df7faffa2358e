"""A response that is generated while it is sent, and the four ways in which it can end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial

import trio

from trioweb._http.connection import Http1Connection
from trioweb._http.link import ClientDisconnected
from trioweb._transport.companion import accompanied
from trioweb._transport.timers import Timers
from trioweb._web.response import Response
from trioweb._web.streams.filler import Filler

# Four things can happen first, and each ends the response in a different way:
#
#   the source ends          the end of the body is sent, and the connection is kept
#   the source raises        nothing was sent yet: an error page; else the connection is cut, so that the
#                            client sees that the body is incomplete (RFC 9112 §8)
#   the client leaves        the source is cancelled where it is, if its own end may never come
#   the server shuts down    a source that may end early is stopped and the end of the body is sent;
#                            for any other the shutdown waits, until its deadline
#
# The source runs in the session's own task. If it ran in another one, with a channel between them, it would
# always produce one piece too early, and its exceptions would have to be passed on. Only the filler has a
# task of its own, since it acts while the source is waiting.

SendHead = Callable[[bytes], Awaitable[None]]
"""Sends the head, and the first piece of the body with it."""


class StreamedResponse:
    """Requests each piece after the one before has been sent, until the source ends or the client leaves.

    The source runs in the session's task, from its first step to its `finally` blocks.

    Args:
        http: The connection that the pieces are sent on.
        response: Was prepared; it is streamed.
        send_head: Called when the first piece has arrived.
        timers: Count the silences.
    """

    __slots__ = ("_http", "_is_silent", "_response", "_send_head", "_sending", "_sent_at", "_timers")

    def __init__(
        self, http: Http1Connection, response: Response, send_head: SendHead, timers: Timers
    ) -> None:
        self._http = http
        self._timers = timers
        self._is_silent = trio.Event()
        self._response = response
        self._send_head = send_head
        self._sending = trio.Lock()  # a filler may be sent between two pieces, never within one
        self._sent_at = 0.0

    async def run(self) -> None:
        """Send all of it, and close the source.

        Raises:
            ClientDisconnected: The client is gone, or takes nothing.
            Exception: Whatever the source raised.
        """
        if not self._response.stops_when_client_leaves:
            async with self._http.body.watch.discarding():
                await self._run()
            return
        async with self._http.body.watch.cancel_stream_on_disconnect() as scope:
            await self._run()
        if scope.cancelled_caught:
            raise ClientDisconnected("the client left before its response was complete")

    def drain(self) -> None:
        """Let the source end early if it can, because the server is shutting down."""
        self._response.stop()

    async def _run(self) -> None:
        filler = self._response.filler
        async with aclosing(self._response.chunks()) as chunks:
            # The head waits for the first piece: until then an exception can become an error page.
            await self._send_head(await anext(chunks, b""))
            if filler is None:
                async for piece in chunks:
                    await self._http.send_piece(piece)
            else:
                await self._send_with_filler(chunks, filler)
            await self._http.end_response()

    # With a filler.

    async def _send_with_filler(self, chunks: AsyncGenerator[bytes, None], filler: Filler) -> None:
        self._sent_at = trio.current_time()
        async with accompanied(partial(self._fill, filler), "trioweb event stream") as scope:
            async for piece in chunks:
                async with self._sending:
                    await self._send(piece)
            # Never released. The end of this block cancels the filler's task, which would cut off a comment
            # that is being sent.
            await self._sending.acquire()
        if scope.cancelled_caught:
            raise ClientDisconnected("the client took no comment in the silence")

    async def _send(self, piece: bytes) -> None:
        await self._http.send_piece(piece)
        self._sent_at = trio.current_time()

    async def _fill(self, filler: Filler, block: trio.CancelScope) -> None:
        try:
            while True:
                await self._sleep_until(self._sent_at + filler.silence_seconds)
                async with self._sending:
                    # Once more: while this waited for the lock, a piece may have been sent.
                    if trio.current_time() >= self._sent_at + filler.silence_seconds:
                        await self._send(filler.piece)
        except ClientDisconnected:
            # Not raised here, where it would count as a failure of the companion. The block is cancelled.
            block.cancel(reason="the client is gone, or takes nothing")

    # By the server's timers and not by `trio.sleep_until`, as with the pings of a WebSocket: so the test kit can see
    # that no task waits for this deadline, and that a program with only such deadlines is stuck.
    async def _sleep_until(self, deadline: float) -> None:
        self._is_silent = trio.Event()
        timer = self._timers.call_at(deadline, self._end_silence)
        try:
            await self._is_silent.wait()
        finally:
            timer.cancel()

    def _end_silence(self) -> None:
        self._is_silent.set()
