"""The `async with` block of one client connection.

The block has no nursery: what serves the connection runs elsewhere (`shared_engine.py`), and closing goes on
without a task. So an exception of the block comes out as it is, and a group of the program's own stays as
it is.

    how the block ends                      close code
    normally                                1000
    with CloseWebSocket(code, reason)       that code
    with another exception                  1011, with an empty reason: the exception may say what only this side may know
    cancelled, or by KeyboardInterrupt      1001

In each case the end is waited for, so that nothing of the connection is left after the block: at most
`Timeouts.close_seconds` for a server that reads, as in `aclose`. A cancelled block waits for one second, under a
shield: long enough for a close frame and its answer, and short enough not to delay the program. Then the connection
is cut.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import NoReturn

import trio

from trioweb._client.websocket import ClientWebSocket
from trioweb._transport.stream_transport import StreamTransport
from trioweb._websocket.parts_of import closing_of, intake_of, outlet_of
from trioweb._websocket.state import State
from trioweb.closing import Close, CloseCode
from trioweb.errors import CloseWebSocket, LocalProtocolError
from trioweb.exception_groups import leaf_exceptions
from trioweb.foreign_names import CONNECT, explaining

CANCELLED_SECONDS = 1.0
"""How long a cancelled block waits for the end of its connection."""

ADVICE = "write `async with trioweb.connect(url) as ws:`"


@explaining(CONNECT)
class ConnectionBlock:
    """The block that `connect` returns: it connects on entry, and closes at its end.

    It can be entered again once it has been left, for another connection.

    Args:
        open_connection: Connects.
    """

    __slots__ = ("_is_entered", "_open_connection", "_ws")

    def __init__(self, open_connection: Callable[[], Awaitable[ClientWebSocket]]) -> None:
        self._open_connection = open_connection
        self._ws: ClientWebSocket | None = None
        self._is_entered = False

    @trio.lowlevel.enable_ki_protection
    async def __aenter__(self) -> ClientWebSocket:
        if self._is_entered:
            raise LocalProtocolError(f"this connect() is in use: each block needs its own, so {ADVICE}")
        self._is_entered = True
        try:
            self._ws = await self._open_connection()
        except BaseException:
            self._is_entered = False
            raise
        return self._ws

    @trio.lowlevel.enable_ki_protection
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        ws, self._ws = self._ws, None
        assert ws is not None
        self._is_entered = False
        try:
            await end_connection(ws, close_for(error))
        except trio.Cancelled:
            # The block's own exception goes on: a cancellation that came later must not hide it.
            if error is None:
                raise

    def __await__(self) -> NoReturn:
        raise TypeError(
            f"connect() opens a block, and without it nothing would close the connection: {ADVICE}"
        )

    def __enter__(self) -> NoReturn:
        raise TypeError(f"connect() waits for the server, so the block is asynchronous: {ADVICE}")

    def __exit__(self, *_: object) -> None:
        """Never called: without it, Python would not even ask `__enter__`."""

    def __aiter__(self) -> NoReturn:
        raise TypeError(
            f"connect() is one connection: {ADVICE}, or `async for ws in trioweb.reconnecting(url):`"
        )


async def end_connection(ws: ClientWebSocket, close: Close) -> None:
    """Close, and wait for the end; when cancelled, for a second, and then cut the connection.

    Raises:
        trio.Cancelled: The caller is cancelled. The connection has ended nevertheless.
    """
    closing = closing_of(ws)
    intake_of(ws).close(close)
    try:
        await _wait_for_end(ws)
    except trio.Cancelled:
        with trio.move_on_after(CANCELLED_SECONDS, shield=True):
            await _wait_for_end(ws)
        if closing.state is not State.CLOSED:
            closing.cut("its block was cancelled")
        raise


async def _wait_for_end(ws: ClientWebSocket) -> None:
    """Wait until nothing of the connection is left: the closing handshake, and what carried the bytes."""
    await closing_of(ws).wait_closed()
    transport = outlet_of(ws).transport
    if isinstance(transport, StreamTransport):  # whose own way to close may wait; a socket is closed by now
        await transport.wait_closed()


def close_for(error: BaseException | None) -> Close:
    """Return the close for the way in which a block has ended."""
    if error is None:
        return Close(CloseCode.NORMAL_CLOSURE)
    if isinstance(error, CloseWebSocket):
        return error.close
    is_bug = any(isinstance(leaf, Exception) for leaf in leaf_exceptions(error))
    return Close(CloseCode.INTERNAL_ERROR if is_bug else CloseCode.GOING_AWAY)
