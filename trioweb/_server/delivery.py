"""Sends a response to its last byte, and then logs and closes it.

A response can fail at three moments, and each leaves a different way out:

    before its head is sent     a header field that cannot be sent, a stream whose first piece raises:
                                the error page is sent in its place, and the connection goes on
    after its head is sent      nothing can be taken back. The connection is cut, and the client sees that
                                the body is incomplete (RFC 9112 §8). An error page would be read as a
                                part of the body
    the client has left         nothing more can be sent. This is not an error, and the access log
                                says that the client left

However it ends, it is logged once with the bytes that were sent, and then closed. Closing it releases its
file, its source, and the responses that middleware has replaced.
"""

from __future__ import annotations

import logging
from email.utils import formatdate
from functools import partial

from trioweb._http.connection import Http1Connection
from trioweb._http.link import ClientDisconnected
from trioweb._server import access_log
from trioweb._server.access_log import Ending
from trioweb._server.context import ServerContext
from trioweb._server.streamed_response import StreamedResponse
from trioweb._web.request import Request
from trioweb._web.response import Response
from trioweb._web.unreadable import is_clients_mistake
from trioweb.errors import RemoteProtocolError
from trioweb.exception_groups import bare
from trioweb.failures import log_failure

logger = logging.getLogger("trioweb")


class Delivery:
    """Sends the responses of one connection, one after the other.

    Args:
        context: Counts the responses, and responds to errors.
        http: The connection that they are sent on.
    """

    __slots__ = ("_context", "_http", "_streamed")

    def __init__(self, context: ServerContext, http: Http1Connection) -> None:
        self._context = context
        self._http = http
        self._streamed: StreamedResponse | None = None

    def drain(self) -> None:
        """Let a streamed response end early if it can, because the server is shutting down."""
        if self._streamed is not None:
            self._streamed.drain()

    async def send(self, request: Request, response: Response, started: float) -> None:
        """Send a response that was prepared, log it and close it.

        Args:
            request: The request that it responds to.
            response: Closed in any case.
            started: When the request's head had arrived.

        Raises:
            ClientDisconnected: It could not be completed, and the connection cannot be used any more.
        """
        self._context.instruments.requests += 1
        ending = Ending.BROKEN_OFF  # the default, which a cancellation leaves unchanged
        try:
            await self.write(response, has_body=request.method != "HEAD")
            ending = Ending.COMPLETE
        except ClientDisconnected:
            ending = Ending.CLIENT_LEFT
            raise
        except Exception as error:
            # Closed before the error page is sent, so that a slow client does not keep the failed response's
            # file open.
            failed, response = response, await self._respond_to_failure(request, error)
            await failed.aclose()
            await self.write(response, has_body=request.method != "HEAD")
            ending = Ending.COMPLETE
        finally:
            if self._http.has_begun_response:
                access_log.response_sent(request, response.status, self._http.sent_bytes, started, ending)
            # Closing a response in memory has nothing to wait for, so it does not need a coroutine.
            if response.is_streamed:
                await response.aclose()
            else:
                response.close()

    async def respond_to_error(self, request: Request, error: Exception) -> Response:
        """Return the response to an exception, prepared."""
        context = self._context
        return await context.responder.respond_to_error(request, error, is_debug=context.config.debug)

    async def _respond_to_failure(self, request: Request, error: Exception) -> Response:
        """Return the error page for a response that failed; if the response has begun, cut it off."""
        if self._http.has_begun_response:
            only = bare(error)
            # A mistake in a client's body, or in the rest of its request, is not a bug of the program. A
            # stranger who sends it on purpose must not be able to fill the log with tracebacks.
            is_bug = not (is_clients_mistake(only) or _is_in_the_request(only))
            text = "%s %s broke off within its response: %s"
            if is_bug:
                log_failure(logger, text, request.method, request.raw_path, only, error=error)
            else:
                logger.info(text, request.method, request.raw_path, only)
            raise ClientDisconnected("the response could not be completed") from error
        return await self.respond_to_error(request, error)

    async def write(self, response: Response, *, has_body: bool) -> None:
        """Send a response, without logging or closing it.

        Args:
            response: Was prepared.
            has_body: False for HEAD, which is answered with the fields of a GET, its length included,
                and without content (RFC 9110 §9.3.2). A streamed body is then never requested.
        """
        headers = response.headers.lines()
        if "date" not in response.headers:  # RFC 9110 §6.6.1: a server with a clock sends it
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
        self._streamed = StreamedResponse(self._http, response, send_head, self._context.engine.timers)
        if self._context.shutdown.has_begun:  # before there was anything to drain
            self._streamed.drain()
        try:
            await self._streamed.run()
        finally:
            self._streamed = None


def _is_in_the_request(error: Exception) -> bool:
    """Return whether it is about the rest of the request, and not about a WebSocket that the program opens."""
    return isinstance(error, RemoteProtocolError) and error.status is not None
