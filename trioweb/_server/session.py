"""One TCP connection, from its first byte to its last.

    secure (TLS) -> receive a head -> respond -> send -> finish, and receive the next head
                          |               |
                          |               +-> a handshake that may be accepted: its handler runs. If it
                          |                   accepts, the connection is a WebSocket's to its end. If it
                          |                   rejects, that was a response, and the next head is received
                          +-> not HTTP: its status, then close

Reading, the handler and sending all run in one task. So a request that is slow to arrive or to be answered
delays only its own connection, and `run` catches every failure. An idle connection costs this task and
a few objects. Objects that only a request needs are created and released with the request.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import trio

from trioweb._http.connection import Http1Connection
from trioweb._http.lingering import linger
from trioweb._server import access_log
from trioweb._server.context import ServerContext
from trioweb._server.delivery import Delivery
from trioweb._server.websocket_session import WebSocketSession
from trioweb._transport.transport import Transport
from trioweb._web.address import Address
from trioweb._web.body import RequestBody
from trioweb._web.error_pages import error_response
from trioweb._web.request import Request
from trioweb._web.response import Response, prepared
from trioweb._web.switching import SwitchingProtocols
from trioweb._wire.http1.request_head import RequestHead
from trioweb.errors import HTTPError, RemoteProtocolError
from trioweb.failures import log_failure
from trioweb.middleware.request_id import forget_request_id

logger = logging.getLogger("trioweb")


class Session:
    """Serves the requests of one connection until it ends or becomes a WebSocket.

    `run` never raises because of a peer or a handler: the session answers, logs and ends, and
    other connections are not affected.

    Args:
        context: The objects that all sessions share.
        transport: Carries the bytes; it is closed at the end.
        peer: The other end of the socket, perhaps a proxy; `None` on a Unix socket.
        scheme: `"https"` if the transport is encrypted, else `"http"`.
        is_unix: Whether it is a Unix socket.
        on_end: Called at the very end, whatever caused it.
    """

    __slots__ = (
        "_context",
        "_delivery",
        "_has_begun",
        "_http",
        "_is_unix",
        "_on_end",
        "_scheme",
        "_securing",
        "_transport",
        "_websocket_session",
        "peer",
    )

    def __init__(
        self,
        context: ServerContext,
        transport: Transport,
        peer: Address | None,
        scheme: str,
        *,
        is_unix: bool = False,
        on_end: Callable[[Session], None] | None = None,
    ) -> None:
        self._context = context
        self._transport = transport
        self.peer = peer
        self._scheme = scheme
        self._is_unix = is_unix
        self._http = Http1Connection(
            transport,
            context.engine.timers,
            limits=context.config.limits,
            timeouts=context.config.timeouts,
        )
        self._delivery = Delivery(context, self._http)
        self._on_end = on_end
        self._has_begun = False
        self._securing: trio.CancelScope | None = None
        self._websocket_session: WebSocketSession | None = None

    async def run(self) -> None:
        """Serve the connection to its end, then close the transport.

        Cancellation: At once; the connection is dropped.
        """
        try:
            if self._transport.is_plain or await self._secure():
                # The handler of a WebSocket is called from here, not from `_serve_http`: each
                # coroutine between the scheduler and the handler costs every message.
                while (websocket := await self._serve_http()) is not None:
                    await websocket.run()
                    if not websocket.has_rejected:
                        break
                    self._websocket_session = None
                if not self._transport.is_plain:
                    await self._transport.aclose()
        except trio.BrokenResourceError:
            # A peer may leave at any time, even in the middle of a message. This is not an error.
            logger.debug("the peer is gone")
        except Exception as error:
            log_failure(logger, "the connection of %s is dropped after an error", self._name, error=error)
        finally:
            self._http.drop()
            self._transport.abort()
            if self._on_end is not None:
                self._on_end(self)

    # The name of the peer in the log. A client behind a proxy is not known before there is a request.
    @property
    def _name(self) -> str:
        return access_log.name_of(self.peer, is_unix=self._is_unix)

    def drain(self) -> None:
        """End gracefully: close an idle connection, or finish the request that has begun.

        This only signals the session's own task, which does the rest.
        """
        self._http.stop_waiting()
        if self._securing is not None:
            self._securing.cancel(reason="the server shuts down")
        if self._websocket_session is not None:
            self._websocket_session.drain()
        self._delivery.drain()

    async def _secure(self) -> bool:
        """Do the TLS handshake; `False` if it fails, is too slow, or a shutdown interrupts it.

        The time for the first head includes it. Otherwise, a peer that connects and sends nothing
        would have twice the time.
        """
        if self._context.shutdown.has_begun:
            return False
        timers, timeouts = self._context.engine.timers, self._context.config.timeouts
        with timers.move_on_after(timeouts.head_seconds) as self._securing:
            try:
                await self._transport.secure()
            except trio.BrokenResourceError:
                logger.debug("the peer spoke no TLS, or is gone")
            else:
                return True
            finally:
                self._securing = None
        return False

    async def _serve_http(self) -> WebSocketSession | None:
        """Serve requests, one after the other, until the connection has to close.

        Returns:
            The session of a WebSocket if a request was its handshake, else `None`. The session
            runs outside; if it rejects the handshake, this is called again for the next request.
        """
        http = self._http
        # The shutdown may have begun during the TLS handshake, or before the first step of this task.
        if self._context.shutdown.has_begun:
            http.stop_waiting()
        may_be_sending = False
        try:
            while not self._has_begun or await http.finish():
                head = await http.receive_head()
                if head is None:
                    break
                # Many clients may connect at once, after a restart for instance. The first request of each
                # waits for a turn, so that clients that are already connected do not wait for all of them.
                if not self._has_begun:
                    self._has_begun = True
                    await self._context.engine.flusher.turn()
                websocket = await self._respond(head)
                if websocket is not None:
                    return websocket
                may_be_sending = http.body.is_to_come
                del head  # otherwise an idle connection would keep the fields of its last request
        except RemoteProtocolError as error:
            may_be_sending = True
            await self._refuse(error)
        # Only after a response: if nothing was sent to a peer, a reset cannot destroy anything.
        if http.has_begun_response:
            await linger(self._transport, self._context.engine.timers, may_be_sending=may_be_sending)
        return None

    async def _respond(self, head: RequestHead) -> WebSocketSession | None:
        """Respond to one request; return its session if it is the handshake of a WebSocket.

        The body and its form are closed here, after the response: a streamed response may still be
        reading the request that it answers.
        """
        context, started = self._context, trio.current_time()
        body = self._body(head)
        request = self._request(head, body)
        try:
            response = await context.responder.respond(request, head, body, context.config)
            if isinstance(response, SwitchingProtocols):
                return self._websocket(request, response, started)
            await self._delivery.send(request, response, started)
        finally:
            # A form has temporary files, which must be removed even if the handler has failed.
            if body is not None:
                await body.aclose()
        return None

    # Making the request and its body.

    def _body(self, head: RequestHead) -> RequestBody | None:
        if head.content_bytes == 0:  # nearly every request
            return None
        # Until the route is known, the limits are the application's: middleware may read the body earlier.
        return RequestBody(self._http.body, limits=self._context.config.limits)

    # If there is a trusted proxy, the client, the scheme and the host are the ones that it reports. All later
    # steps, from the access log to the check of origins, take them from the request and know nothing of proxies.
    def _request(self, head: RequestHead, body: RequestBody | None) -> Request:
        context = self._context
        return Request(
            head,
            context.proxies.resolve(self.peer, head.headers, self._scheme),
            body=body,
            is_unix=self._is_unix,
            app_state=context.app.state,
            incoming=self._http.body,  # which notices that the client leaves, even without a body
        )

    # Handshakes.

    def _websocket(self, request: Request, response: SwitchingProtocols, started: float) -> WebSocketSession:
        self._websocket_session = session = WebSocketSession(
            self._context,
            self._transport,
            request,
            response,
            early_input=self._http.switch_to_websocket,
            reject=partial(self._reject, request, started),
        )
        if self._context.shutdown.has_begun:  # while the handshake was on its way through the middleware
            session.drain()
        return session

    async def _reject(self, request: Request, started: float, response: Response) -> None:
        """Send the response that refuses a handshake. A handler made it, so it is prepared here."""
        try:
            ready = await prepared(response, request)
        except Exception as error:
            ready = await self._delivery.respond_to_error(request, error)
        await self._delivery.send(request, ready, started)

    async def _refuse(self, error: RemoteProtocolError) -> None:
        """Answer bad input that never became a request, then close (RFC 9112 §2.2, §6.3).

        Where the next request would begin is unknown then, and guessing would let a client smuggle one
        (§11.2). There is no request either, so neither middleware nor error handlers run.
        """
        self._http.stop_waiting()
        if self._http.has_begun_response or error.status is None:
            return
        forget_request_id()  # otherwise the line below would show the id of the request before
        logger.info("refused a request from %s with %d: %s", self._name, error.status, error)
        await self._delivery.write(error_response(HTTPError(error.status, str(error))), has_body=True)
