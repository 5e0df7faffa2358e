"""A WebSocket from its handshake to its end: the handler's nursery, scope and outcome.

The handler and the connection end in any order, and each has to learn about the other:

    the handler ends first     its outcome becomes a close code (the table), and the closing handshake is
                               waited for, so that the socket is not reset with the close frame on its way
    the connection ends first  every call of the handler raises `ConnectionClosed`, which most handlers let
                               through. One that waits for something else gets a grace, and is cancelled

    outcome                                       accepted                     not yet accepted
    returned                                      1000                         accepted, then 1000
    CloseWebSocket(code)                          that code                    accepted, then that code
    HTTPError                                     1011, logged: too late       that status
    an error of the client's (a missing field)    1008                         its status
    any other exception, and a refusal that a     1011, logged                 500, logged
        client in the handler has received
    ConnectionClosed of this WebSocket, and any   as if it had returned        as if it had returned
        but the error of another
    ConnectionClosedError of another WebSocket    1011, logged                 500, logged

A handler may start tasks in `ws.nursery`. If a task raises, the handler is cancelled, and the nursery raises
a group. So there may be several exceptions at once, and one has to be chosen: see `_what_counts`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial

import trio

from trioweb._server import access_log
from trioweb._server.context import ServerContext
from trioweb._transport.timers import Timer
from trioweb._transport.transport import Transport
from trioweb._web.opening import Opening
from trioweb._web.request import Request
from trioweb._web.response import Response
from trioweb._web.switching import SwitchingProtocols
from trioweb._web.unreadable import is_clients_mistake
from trioweb._web.websocket import WebSocket
from trioweb._websocket.parts import put_together
from trioweb._websocket.parts_of import require_open
from trioweb._websocket.state import State
from trioweb.closing import REASON_BYTES, Close, CloseCode
from trioweb.errors import (
    CloseWebSocket,
    ConnectionClosed,
    ConnectionClosedError,
    HandshakeRejected,
    HTTPError,
)
from trioweb.exception_groups import leaf_exceptions
from trioweb.failures import log_failure
from trioweb.newcomers import explain

logger = logging.getLogger("trioweb")

NORMAL = Close(CloseCode.NORMAL_CLOSURE)

_BEFORE_END = frozenset({State.CONNECTING, State.OPEN})


class WebSocketSession:
    """Runs a handler, and closes its WebSocket with the code for its outcome.

    It holds the parts of the connection that a handler must not touch. A program uses a connection
    through `WebSocket`; the server uses the parts below it.

    Attributes:
        has_rejected: Whether the handshake was answered with a response other than 101, and all of it
            was sent. Only then may another request follow on the connection.
    """

    __slots__ = (
        "_closing",
        "_context",
        "_handler",
        "_intake",
        "_opening",
        "_scope",
        "_started",
        "_timer",
        "_ws",
        "has_rejected",
    )

    def __init__(
        self,
        context: ServerContext,
        transport: Transport,
        request: Request,
        switching: SwitchingProtocols,
        *,
        early_input: Callable[[], bytes],
        reject: Callable[[Response], Awaitable[None]],
    ) -> None:
        """Make a WebSocket whose handshake is still to be answered.

        Args:
            context: The objects that all connections share.
            transport: Carries its bytes.
            request: The handshake.
            switching: The 101 response that was agreed on, with the route.
            early_input: Takes the bytes that came right after the request.
            reject: Sends another response instead.
        """
        config = context.config
        route = switching.route
        limits = route.limits or config.limits
        parts = put_together(transport, context.engine, limits=limits, timeouts=config.timeouts)
        self._opening: Opening | None = Opening(
            parts,
            switching,
            early_input=early_input,
            reject=partial(self._send_rejection, reject),
            on_accept=self._accepted,
            limits=limits,
            fast_lane=config.fast_lane,
        )
        self._intake, self._closing = parts.intake, parts.closing
        self._ws = WebSocket(parts, self._opening, request)
        self._context = context
        self._handler = route.handler
        self._started = trio.current_time()
        self.has_rejected = False
        self._scope: trio.CancelScope | None = None
        self._timer: Timer | None = None

    def drain(self) -> None:
        """Close because the server is shutting down; a handshake cannot be accepted any more then."""
        if self._opening is not None:
            self._opening.drain()
        else:
            self._closing.begin(self._context.shutdown.close)

    async def run(self) -> None:
        """Run the handler inside its nursery, then close.

        Returns when the WebSocket has closed completely, or when its handshake was answered
        with another response. If the connection ends first, the handler has its grace period;
        then its scope is cancelled, and its `finally` blocks run.
        """
        ws = self._ws
        errors: list[Exception] = []
        try:
            try:
                async with trio.open_nursery() as nursery:
                    ws.nursery, self._scope = nursery, nursery.cancel_scope
                    self._closing.watch(self._begin_grace)
                    try:
                        self._check_nothing_returned(await self._handler(ws, **ws.path_params))
                    except Exception as error:
                        errors.append(error)
                    # Tasks that outlive the handler would hold the connection open, although the program has
                    # left it. Usually there are none, so there is nothing to cancel.
                    if nursery.child_tasks:
                        nursery.cancel_scope.cancel(reason="the handler has returned")
            except* Exception as group:
                errors.append(group)
            self._end_grace()
            await self._end(self._what_counts(errors) if errors else None)
        finally:
            errors.clear()  # their tracebacks refer to this frame: a cycle
            self._end_grace()
            if self._opening is not None:  # not accepted, and it refers back here: another cycle
                self._opening.let_go()
                self._opening = None
            if ws.is_accepted:
                self._count()

    def _check_nothing_returned(self, value: object) -> None:
        """Warn, once for each handler, that its return value is lost.

        This is a common mistake of people who are used to HTTP handlers. It breaks nothing, so it
        is not an error, and a warning for each connection would bury the first one.
        """
        warned = self._context.warned_handlers
        if value is not None and id(self._handler) not in warned:
            warned.add(id(self._handler))
            logger.warning(
                "the handler of WebSocket %s returned %s, which nobody gets: send it with `await ws.send(...)`, "
                "or refuse the handshake with `await ws.reject(response)`",
                self._ws.request.raw_path,
                type(value).__name__,
            )

    def _what_counts(self, errors: list[Exception]) -> Exception | None:
        """Return the error to act on: a bug first, then a request to close, then the end itself.

        A request to close (`CloseWebSocket`, `HTTPError`) that comes together with a
        bug is often caused by the bug, which would otherwise never be seen. Several bugs are logged as a
        group, with all their tracebacks.
        """
        flat = [leaf for error in errors for leaf in leaf_exceptions(error) if isinstance(leaf, Exception)]
        bugs = [one for one in flat if not self._is_an_end(one) and not _is_on_purpose(one)]
        if len(bugs) > 1:
            return ExceptionGroup("several tasks of the WebSocket failed", bugs)
        decisions = [one for one in flat if _is_on_purpose(one)]
        return next(iter([*bugs, *decisions]), None)

    def _is_an_end(self, error: Exception) -> bool:
        """Return whether an error only informs the handler of an end, however many tasks raise it.

        If this connection has not ended, it is about another one: a client's in the handler, or that of
        another member. When that was lost or ended badly, 1000 would tell the peer that all is well. But a
        task that still uses it after the handler has closed it learns of an end like any other.
        """
        if isinstance(error, ConnectionClosedError):
            return self._closing.state not in _BEFORE_END
        return isinstance(error, ConnectionClosed)

    async def _end(self, error: Exception | None) -> None:
        ws = self._ws
        if not ws.is_accepted:
            if ws.is_rejected:
                return
            response = await self._refusal(error)
            if response is not None:
                await ws.reject(response)
                return
            require_open(ws)
        self._intake.close(_close_for(ws, error, is_debug=self._context.config.debug))
        if self._closing.state is not State.CLOSED:
            await self._closing.wait_closed()

    async def _refusal(self, error: Exception | None) -> Response | None:
        """Return the response to a handshake whose handler has ended without accepting it.

        `None` accepts it: a handler that just returns, or closes with a code, has not refused. Only an
        accepted WebSocket can carry a close code, and only that reaches a page: browsers hide the
        status of a refused handshake from scripts.
        """
        context = self._context
        if context.shutdown.has_begun:
            error = HTTPError(503, "The server is shutting down.", {"Retry-After": "1"})
        if error is None or isinstance(error, CloseWebSocket):
            return None
        return await context.responder.respond_to_error(
            self._ws.request, error, is_debug=context.config.debug
        )

    async def _send_rejection(self, send: Callable[[Response], Awaitable[None]], response: Response) -> None:
        """Send a response other than 101, which takes as long as the client takes to read it.

        The handler's grace begins when it has been sent. If it began earlier, a client that reads
        slowly would use it up, and the end of the grace would cut the response.
        """
        self._end_grace()
        try:
            await send(response)
            self.has_rejected = True
        finally:
            self._begin_grace()

    # The handler's grace after the end of its connection. It is a timer and not a scope around the
    # handler with a deadline: nearly all handlers end by themselves, at their next call.

    def _begin_grace(self) -> None:
        seconds = self._context.config.timeouts.handler_grace_seconds
        self._timer = self._context.engine.timers.judge_later(seconds, self._cancel)

    def _cancel(self) -> None:
        assert self._scope is not None  # a grace begins inside it
        self._scope.cancel(reason="the connection has ended")

    def _end_grace(self) -> None:
        self._closing.unwatch(self._begin_grace)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # Counting and logging.

    def _accepted(self) -> None:
        self._opening = None
        self._context.instruments.opened(self._ws)
        access_log.websocket_opened(self._ws)

    def _count(self) -> None:
        self._context.instruments.ended(self._ws)
        close = self._ws.closed
        code = CloseCode.ABNORMAL_CLOSURE if close is None else close.code
        access_log.websocket_closed(self._ws, code, self._started)


def _is_on_purpose(error: Exception) -> bool:
    """Return whether a handler ends its WebSocket by this on purpose.

    A `HandshakeRejected` that another server has sent to a client in the handler does not
    count. Nobody has decided it here, so it is a bug like any other exception that is not caught.
    """
    if isinstance(error, HandshakeRejected) and error.was_received:
        return False
    return isinstance(error, CloseWebSocket | HTTPError)


def _close_for(ws: WebSocket, error: Exception | None, *, is_debug: bool) -> Close:
    """Return the close for a handler's outcome.

    The reason of an unexpected error stays empty unless in debug mode: it may name files or hosts,
    or quote the input of another client, and a page may show it to any user (RFC 6455 §7.1.6).
    """
    if error is None:
        return NORMAL
    if isinstance(error, CloseWebSocket):
        return error.close
    if is_clients_mistake(error):
        # Too late for 400. Of RFC 6455 §7.4.1, only 1008 fits: 1002 and 1007 are about frames and messages.
        logger.info("WebSocket %s is closed for what its request lacks: %s", ws.request.raw_path, error)
        return _explained(CloseCode.POLICY_VIOLATION, str(error))
    explain(error)
    if isinstance(error, HTTPError) and _is_on_purpose(error):
        error.add_note(
            "The handshake has been answered, so no status can be sent: raise CloseWebSocket(code, reason)"
        )
    log_failure(logger, "the handler of WebSocket %s failed", ws.request.raw_path, error=error)
    reason = f"{type(error).__name__}: {error}" if is_debug else ""
    return _explained(CloseCode.INTERNAL_ERROR, reason)


def _explained(code: CloseCode, reason: str) -> Close:
    """Return a close with as much of the reason as fits."""
    return Close(code, reason.encode(errors="replace")[:REASON_BYTES].decode(errors="ignore"))
