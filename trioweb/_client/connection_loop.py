"""One connection after another, for as long as a loop asks for the next one.

    ┌─> connect ──failed──> give up? ──yes──> raise the error
    │      │                   │ no
    │   the body               │
    │      │                   │
    │   closed ────────────> give up? ──yes──> raise the error, or end quietly after 1000, 1001, 1005
    │                          │ no
    └──────── wait ────────────┘

It is an object with `__anext__` and not an async generator. A generator would hold each connection in an
`async with` across its `yield`. After `break`, nobody would resume it: the garbage collector would have to,
in another task, where a cancel scope cannot be left. Here nothing is entered and left. Each `__anext__` ends
the connection before, and a loop that is left drops the object, whose `__del__` closes the last one.

Two facts follow from how Python runs `async for`, and shape what users write:

- the loop never sees an exception of its body. A `ConnectionClosedError` that leaves the body ends the
  loop, so a body that wants the next connection catches it and says `continue`;
- `break`, `return` and an exception look the same from here. So the last connection closes with 1001,
  whatever the reason was.
"""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import NoReturn, Self, cast

import attrs
import trio

from trioweb._client.connecting import open_connection
from trioweb._client.connection_block import end_connection
from trioweb._client.options import ConnectOptions
from trioweb._client.positions import Positions
from trioweb._client.reconnecting_websocket import ReconnectingWebSocket, keep_positions
from trioweb._client.retry import Retry
from trioweb._client.schedule import Schedule, Uniform, retry_after_seconds
from trioweb._client.websocket import ClientWebSocket
from trioweb._websocket.closing_handshake import ClosingHandshake
from trioweb._websocket.parts_of import closing_of, intake_of
from trioweb._wire.websocket_url import WebSocketURL, parse_url
from trioweb.closing import Close, CloseCode
from trioweb.errors import (
    ConnectFailed,
    ConnectionClosed,
    ConnectionClosedOK,
    HandshakeRejected,
    LocalProtocolError,
    connection_closed,
)

logger = logging.getLogger("trioweb")

NORMALLY = Close(CloseCode.NORMAL_CLOSURE)
LOOP_ADVICE = "write `async for ws in trioweb.reconnecting(url):`"

LEAVING = Close(CloseCode.GOING_AWAY)

OpenConnection = Callable[[WebSocketURL, ConnectOptions], Awaitable[ClientWebSocket]]


class _Life:
    """When a connection began and ended, which is often some time before its body does."""

    __slots__ = ("_began", "ended", "was_ended_here")

    def __init__(self, closing: ClosingHandshake) -> None:
        self._began = trio.current_time()
        self.ended: float | None = None
        self.was_ended_here = False
        closing.watch(partial(self._end, closing))

    def _end(self, closing: ClosingHandshake) -> None:
        self.ended = trio.current_time()
        # Now, and not later: a body may well call `aclose` on a connection that the server has closed.
        self.was_ended_here = closing.is_closed_by_handler

    @property
    def seconds(self) -> float:
        return (trio.current_time() if self.ended is None else self.ended) - self._began


class ConnectionLoop(AsyncIterator[ReconnectingWebSocket]):
    """The iterator over connections that `reconnecting` returns, for one loop at a time.

    Args:
        url: Where to connect to.
        options: The arguments of `connect`.
        retry: When to connect again.
        positions: Kept from connection to connection; `None` to resume nothing.
        open_connection: Opens one connection.
        uniform: Draws the delays; a test passes one without chance.
    """

    __slots__ = (
        "__weakref__",
        "_delay_seconds",
        "_is_connecting",
        "_is_over",
        "_last_close",
        "_last_life",
        "_open_connection",
        "_options",
        "_positions",
        "_retry",
        "_schedule",
        "_token",
        "_url",
        "_ws",
    )

    def __init__(
        self,
        url: str,
        options: ConnectOptions,
        *,
        retry: Retry,
        positions: Positions | None = None,
        open_connection: OpenConnection = open_connection,
        uniform: Uniform = random.uniform,
    ) -> None:
        self._ws: ReconnectingWebSocket | None = None
        self._url = url
        self._options = attrs.evolve(options, kind=ReconnectingWebSocket)
        self._retry = retry
        self._positions = positions
        self._open_connection = open_connection
        self._schedule = Schedule(retry, uniform)
        self._delay_seconds = 0.0
        self._last_close: Close | None = None
        self._last_life: _Life | None = None
        self._is_connecting = False
        self._is_over = False
        self._token: trio.lowlevel.TrioToken | None = None

    def __aiter__(self) -> Self:
        return self

    # Other ways to write it, as with `connect`. A block would need its end, so both halves have to be here.

    def __await__(self) -> NoReturn:
        raise TypeError(f"reconnecting() is not one connection, but one after the other: {LOOP_ADVICE}")

    async def __aenter__(self) -> NoReturn:
        self.__await__()

    async def __aexit__(self, *_: object) -> None:
        """Never called."""

    def __iter__(self) -> NoReturn:
        raise TypeError(f"reconnecting() waits for servers, so the loop is asynchronous: {LOOP_ADVICE}")

    async def __anext__(self) -> ReconnectingWebSocket:
        self._check_not_connecting()
        self._is_connecting = True
        try:
            await self._leave()
            if self._is_over:
                raise StopAsyncIteration
            return await self._next()
        finally:
            self._is_connecting = False

    async def aclose(self) -> None:
        """Close the connection with 1000, and end the loop.

        For a program that keeps the object after its loop, as with `contextlib.aclosing`. A loop
        over `reconnecting(url)` itself closes its connection when it is left.

        Raises:
            LocalProtocolError: Another task waits for the next connection: cancel it.

        Cancellation: The connection is closed at once.
        """
        self._check_not_connecting()
        self._is_over = True
        ws, self._ws = self._ws, None
        if ws is None:
            await trio.lowlevel.checkpoint()
        else:
            await end_connection(ws, NORMALLY)

    def __del__(self) -> None:
        """Begin to close the last connection: its loop was left.

        The program may still hold the WebSocket, so that waiting for its own `__del__` is not enough. The
        garbage collector may call this anywhere, and Trio allows `run_sync_soon` anywhere.
        """
        if self._ws is not None and self._token is not None:
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(intake_of(self._ws).close, LEAVING)

    def _check_not_connecting(self) -> None:
        if self._is_connecting:
            raise LocalProtocolError(
                "another task waits for the next connection of this loop: call reconnecting() once for each task"
            )

    # The end of one connection, and the beginning of the next.

    async def _leave(self) -> None:
        """End the connection whose body has ended, and decide how to go on."""
        ws, life = self._ws, self._last_life
        if ws is None or life is None:
            return
        closing, self._ws = closing_of(ws), None
        is_open = not closing.is_over
        if is_open:
            intake_of(ws).close(NORMALLY)
        self._schedule.count(life.seconds)
        self._last_close = ws.closed
        if self._positions is not None:
            self._positions = self._positions.after()
        # An end that the body has brought about says nothing about the server.
        ended = (closing.sent, closing.received, closing.received_first)
        self._go_on_after(None if life.was_ended_here else connection_closed(*ended))
        if is_open:
            await end_connection(ws, NORMALLY)

    def _go_on_after(self, error: ConnectionClosed | None) -> None:
        """Draw a delay after the end of a connection, or end the loop.

        Args:
            error: The end as the body has seen it, unless it was the body's own doing.
        """
        code = None if error is None else error.code
        if self._schedule.is_used_up or (code is not None and self._retry.gives_up_on(code)):
            self._is_over = True
            if error is not None and not isinstance(error, ConnectionClosedOK):
                raise error
            return
        self._delay_seconds = self._schedule.delay_seconds(code)
        logger.info(
            "connection to %s closed with %s, connecting again in %.1f s",
            parse_url(self._url),  # shown without a password
            self._last_close,
            self._delay_seconds,
        )

    async def _next(self) -> ReconnectingWebSocket:
        """Connect, as often as it takes."""
        while True:
            await trio.sleep(self._delay_seconds)
            positions = self._positions
            url = self._url if positions is None else positions.put_into(self._url)
            try:
                ws = await self._open_connection(parse_url(url), self._options)
            except (ConnectFailed, HandshakeRejected) as error:
                if not self._may_try_again(error):
                    raise
            else:
                return self._begin(cast("ReconnectingWebSocket", ws))

    def _begin(self, ws: ReconnectingWebSocket) -> ReconnectingWebSocket:
        """Let a new connection know about the one before."""
        now, last = trio.current_time(), self._last_life
        ws.attempt = self._schedule.attempt
        ws.last_close = self._last_close
        ws.seconds_apart = None if last is None or last.ended is None else now - last.ended
        keep_positions(ws, self._positions)
        self._last_life = _Life(closing_of(ws))
        self._token = trio.lowlevel.current_trio_token()
        self._ws = ws
        return ws

    def _may_try_again(self, error: ConnectFailed | HandshakeRejected) -> bool:
        """Count a failed attempt, and draw a delay unless it was the last one."""
        status, asked_seconds = None, None
        if isinstance(error, HandshakeRejected):
            status, asked_seconds = error.status, retry_after_seconds(error.headers)
        self._schedule.count()
        if self._schedule.is_used_up or (status is not None and self._retry.gives_up_on(status)):
            self._is_over = True
            return False
        self._delay_seconds = self._schedule.delay_seconds(status, asked_seconds)
        logger.warning(
            "connecting to %s failed, trying again in %.1f s: %s",
            parse_url(self._url),
            self._delay_seconds,
            error,
        )
        return True
