"""One TCP connection, from its first byte to its last."""

from __future__ import annotations

import logging
from collections.abc import Callable
from email.utils import formatdate
from functools import partial

import trio

from trioweb._http.connection import Http1Connection
from trioweb._http.departure import ClientLeft
from trioweb._http.lingering import linger
from trioweb._server import access_log
from trioweb._server.access_log import Ending
from trioweb._server.context import ServerContext
from trioweb._server.streamed_response import StreamedResponse
from trioweb._server.websocket_session import WebSocketSession
from trioweb._transport.transport import Transport
from trioweb._web.address import Address
from trioweb._web.body import RequestBody
from trioweb._web.error_pages import error_response
from trioweb._web.request import Request
from trioweb._web.response import Response, prepared
from trioweb._web.switching import SwitchingProtocols
from trioweb._web.unreadable import is_clients_mistake
from trioweb._wire.request_head import RequestHead
from trioweb.errors import HTTPError, RemoteProtocolError
from trioweb.exception_groups import bare
from trioweb.middleware.request_id import forget_request_id

logger = logging.getLogger("trioweb")


class Session:
    """Serves the requests of one connection until it ends or becomes a WebSocket.

    Whatever the peer sends and however a handler fails, it stays in here: the session
    answers, logs and ends, and nobody else notices.

    Attributes:
        peer: The other end of the socket, a proxy perhaps; `None` on a Unix socket.
    """

    __slots__ = (
        "_context",
        "_has_begun",
        "_http",
        "_is_unix",
        "_on_end",
        "_scheme",
        "_securing",
        "_streamed",
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
        self._on_end = on_end
        self._has_begun = False
        self._securing: trio.CancelScope | None = None
        self._websocket_session: WebSocketSession | None = None
        self._streamed: StreamedResponse | None = None

    async def run(self) -> None:
        """Serve to the end; the transport is closed then."""
        try:
            if self._transport.is_plain or await self._secure():
                # The handler runs from here: each call in between would cost every message.
                while (websocket := await self._next_websocket()) is not None:
                    await websocket.run()
                    if websocket.is_accepted:
                        break
                    self._websocket_session = None
                if not self._transport.is_plain:
                    await self._transport.aclose()
        except trio.BrokenResourceError:
            logger.debug("the peer is gone")
        except Exception:
            logger.exception("the connection of %s is dropped after an error", self._name)
        finally:
            self._http.drop()
            self._transport.abort()
            if self._on_end is not None:
                self._on_end(self)

    @property
    def _name(self) -> str:
        return access_log.named(self.peer, is_unix=self._is_unix)

    def drain(self) -> None:
        """End gracefully: close if idle, else finish what has begun."""
        self._http.stop_waiting()
        if self._securing is not None:
            self._securing.cancel(reason="the server shuts down")
        if self._websocket_session is not None:
            self._websocket_session.drain()
        if self._streamed is not None:
            self._streamed.drain()

    async def _secure(self) -> bool:
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

    async def _next_websocket(self) -> WebSocketSession | None:
        """Answer requests until one is a handshake; `None` when the connection has to close."""
        http = self._http
        if self._context.shutdown.has_begun:
            http.stop_waiting()
        may_be_sending = False
        try:
            while not self._has_begun or await http.finish():
                head = await http.receive_head()
                if head is None:
                    break
                if not self._has_begun:  # clients come in crowds
                    self._has_begun = True
                    await self._context.engine.flusher.turn()
                websocket = await self._respond(head)
                if websocket is not None:
                    return websocket
                may_be_sending = http.body.is_to_come
                del head  # or an idle connection would keep all that its last request had in it
        except RemoteProtocolError as error:
            may_be_sending = True
            await self._refuse(error)
        if http.has_begun_response:
            await linger(self._transport, self._context.engine.timers, may_be_sending=may_be_sending)
        return None

    async def _respond(self, head: RequestHead) -> WebSocketSession | None:
        """Respond to one request; return its session if it is the handshake of a WebSocket."""
        context, started = self._context, trio.current_time()
        body = self._body(head)
        request = self._request(head, body)
        try:
            response = await context.responder.respond(request, head, body, context.config)
            if isinstance(response, SwitchingProtocols):
                return self._websocket(request, response, started)
            await self._send(request, response, started)
        finally:
            if body is not None:
                await body.aclose()
        return None

    def _body(self, head: RequestHead) -> RequestBody | None:
        if head.content_bytes == 0:  # nearly every request
            return None
        return RequestBody(
            self._http.body.receive,
            limits=self._context.config.limits,
            bound=self._http.body.limit,
        )

    def _request(self, head: RequestHead, body: RequestBody | None) -> Request:
        context = self._context
        return Request(
            head,
            context.proxies.resolve(self.peer, head.headers, self._scheme),
            body=body,
            is_unix=self._is_unix,
            app_state=context.app.state,
            connection=self._http.body,
        )

    def _websocket(self, request: Request, response: SwitchingProtocols, started: float) -> WebSocketSession:
        self._websocket_session = session = WebSocketSession(
            self._context,
            self._transport,
            request,
            response,
            early_input=self._http.switch_to_websocket,
            reject=partial(self._reject, request, started),
        )
        if self._context.shutdown.has_begun:
            session.drain()
        return session

    async def _reject(self, request: Request, started: float, response: Response) -> None:
        """Send what refuses a handshake. A handler made it, past the responder, so it is prepared here."""
        try:
            ready = await prepared(response, request)
        except Exception as error:
            ready = await self._respond_to_error(request, error)
        await self._send(request, ready, started)

    async def _send(self, request: Request, response: Response, started: float) -> None:
        self._context.instruments.requests += 1
        ending = Ending.BROKEN_OFF
        try:
            await self._write(response, has_body=request.method != "HEAD")
            ending = Ending.COMPLETE
        except ClientLeft:
            ending = Ending.CLIENT_LEFT
            raise
        except Exception as error:
            failed, response = response, await self._respond_to_failure(request, error)
            await failed.aclose()
            await self._write(response, has_body=request.method != "HEAD")
            ending = Ending.COMPLETE
        finally:
            if self._http.has_begun_response:
                access_log.request_answered(request, response.status, self._http.sent_bytes, started, ending)
            if response.is_streamed:
                await response.aclose()
            else:
                response.close()

    async def _respond_to_failure(self, request: Request, error: Exception) -> Response:
        """Answer what went wrong on the way of an answer; if that has begun, cut it off.

        Without its end the client sees that it is incomplete (RFC 9112 §8).
        """
        if self._http.has_begun_response:
            only = bare(error)
            # What the client's body, and the rest of its request, may be full of.
            is_bug = not (isinstance(only, RemoteProtocolError) or is_clients_mistake(only))
            logger.log(
                logging.ERROR if is_bug else logging.INFO,
                "%s %s broke off within its answer: %s",
                request.method,
                request.raw_path,
                only,
                exc_info=error if is_bug else None,
            )
            raise ClientLeft("the answer could not be completed") from error
        return await self._respond_to_error(request, error)

    async def _respond_to_error(self, request: Request, error: Exception) -> Response:
        context = self._context
        return await context.responder.respond_to_error(request, error, is_debug=context.config.debug)

    async def _write(self, response: Response, *, has_body: bool) -> None:
        headers = response.headers.lines()
        if "date" not in response.headers:
            headers.append(("Date", formatdate(usegmt=True)))
        if response.is_streamed and has_body:
            await self._stream(response, headers)
        else:
            await self._http.send_response(
                response.status,
                headers,
                response.body if has_body else b"",
                content_bytes=response.content_bytes,
            )

    async def _stream(self, response: Response, headers: list[tuple[str, str]]) -> None:
        send_head = partial(
            self._http.start_response, response.status, headers, content_bytes=response.content_bytes
        )
        self._streamed = StreamedResponse(self._http, response, send_head)
        if self._context.shutdown.has_begun:
            self._streamed.drain()
        try:
            await self._streamed.run()
        finally:
            self._streamed = None

    async def _refuse(self, error: RemoteProtocolError) -> None:
        """Answer bad input that never became a request, then close (RFC 9112 §2.2, §6.3)."""
        self._http.stop_waiting()
        if self._http.has_begun_response or error.status is None:
            return
        forget_request_id()  # it is none of the requests that got one
        logger.info("refused a request from %s with %d: %s", self._name, error.status, error)
        await self._write(error_response(HTTPError(error.status, str(error))), has_body=True)
