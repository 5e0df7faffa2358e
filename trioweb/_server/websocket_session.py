"""A WebSocket from its handshake to its end: the handler's nursery, scope and outcome."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import trio

from trioweb._connection.timers import Timer
from trioweb._routing.route import Handler
from trioweb._server import access_log
from trioweb._server.context import ServerContext
from trioweb._server.exception_groups import leaves
from trioweb._web.response import Response
from trioweb._web.websocket import WebSocket
from trioweb.closing import REASON_BYTES, Close, CloseCode
from trioweb.errors import CloseWebSocket, ConnectionClosed, HTTPError

logger = logging.getLogger("trioweb")

NORMAL = Close(CloseCode.NORMAL_CLOSURE)


async def run_websocket(
    context: ServerContext,
    ws: WebSocket,
    handler: Handler,
    answer: Callable[[Response], Awaitable[None]],
) -> None:
    """Run the handler and end the connection with the code that its outcome calls for.

    Returns when the WebSocket is closed altogether, or its handshake was answered with
    another response.
    """
    started = trio.current_time()
    instruments = context.instruments
    ws.on_accept(lambda: _opened(context, ws))
    try:
        error = await _run_handler(context, ws, handler)
        if not ws.is_accepted and not ws.is_rejected:
            response = await _refusal(context, ws, error)
            if response is not None:
                ws.refused_with(response.status)
                await answer(response)
                return
            ws.require_open()
        if ws.is_accepted:
            ws.start_closing(_close_for(ws, error, is_debug=context.config.debug), is_by_handler=True)
            await ws.wait_closed()
    finally:
        if ws.is_accepted:
            instruments.websockets -= 1
            _count(context, ws)
            access_log.websocket_closed(
                ws, ws.closed.code if ws.closed else CloseCode.ABNORMAL_CLOSURE, started
            )


def _opened(context: ServerContext, ws: WebSocket) -> None:
    context.instruments.websockets += 1
    context.instruments.websockets_accepted += 1
    access_log.websocket_opened(ws)


def _count(context: ServerContext, ws: WebSocket) -> None:
    instruments, traffic = context.instruments, ws.traffic()
    instruments.messages_received += traffic.received_messages
    instruments.messages_sent += traffic.sent_messages
    instruments.bytes_received += traffic.received_bytes
    instruments.bytes_sent += traffic.sent_bytes
    if ws.closed is not None:
        instruments.close_codes[ws.closed.code] += 1


async def _run_handler(context: ServerContext, ws: WebSocket, handler: Handler) -> Exception | None:
    """Run the handler inside its nursery, and return what it raised.

    When the connection ends first, the handler has its grace, then its scope is
    cancelled, and its `finally` blocks run.
    """
    errors: list[Exception] = []
    with trio.CancelScope() as scope, _grace(context, ws, scope):
        try:
            async with trio.open_nursery() as nursery:
                ws.nursery = nursery
                try:
                    await handler(ws, **ws.path_params)
                except Exception as error:
                    errors.append(error)
                nursery.cancel_scope.cancel(reason="the handler has returned")
        except* Exception as group:
            errors.append(group)
    return _what_counts(errors)


@contextmanager
def _grace(context: ServerContext, ws: WebSocket, scope: trio.CancelScope) -> Iterator[None]:
    """Cancel `scope` when the connection has ended and the handler's grace is over."""
    timers: list[Timer] = []

    def begin() -> None:
        seconds = context.config.timeouts.handler_grace_seconds
        timers.append(context.engine.timers.call_later(seconds, end))

    def end() -> None:
        scope.cancel(reason="the connection has ended")

    ws.watch_end(begin)
    try:
        yield
    finally:
        ws.unwatch_end(begin)
        for timer in timers:
            timer.cancel()


def _what_counts(errors: list[Exception]) -> Exception | None:
    """Return the one error to act on: a bug before a wish, a wish before the end itself."""
    flat = [leaf for error in errors for leaf in leaves(error) if isinstance(leaf, Exception)]
    bugs = [one for one in flat if not isinstance(one, ConnectionClosed | CloseWebSocket | HTTPError)]
    if len(bugs) > 1:
        return ExceptionGroup("several tasks of the WebSocket failed", bugs)
    wishes = [one for one in flat if isinstance(one, CloseWebSocket | HTTPError)]
    return next(iter([*bugs, *wishes]), None)


async def _refusal(context: ServerContext, ws: WebSocket, error: Exception | None) -> Response | None:
    """Return the HTTP answer when the handler ended without accepting; `None` to accept."""
    if context.shutdown.has_begun:
        error = HTTPError(503, "The server is shutting down.", {"Retry-After": "1"})
    if error is None or isinstance(error, CloseWebSocket):
        return None
    return await context.app.answer_error(ws.request, error, is_debug=context.config.debug)


def _close_for(ws: WebSocket, error: Exception | None, *, is_debug: bool) -> Close:
    """Return the close that a handler's outcome calls for."""
    if error is None:
        return NORMAL
    if isinstance(error, CloseWebSocket):
        return error.close
    logger.error("the handler of WebSocket %s failed", ws.request.raw_path, exc_info=error)
    reason = f"{type(error).__name__}: {error}" if is_debug else ""
    return Close(CloseCode.INTERNAL_ERROR, reason.encode()[:REASON_BYTES].decode(errors="ignore"))
