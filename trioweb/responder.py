"""From a request to the response that is sent: the route, its limits, the middleware, the handler.

A response goes one way:

    Session -> Responder.respond -> middleware -> handler -> Response.of -> prepare -> Session

The responder knows no connection. A session hands it the request and gets a response that is ready to be
sent, whatever happened: a path without a route, a body that is too long and a handler that fails end here,
as error pages. The session comes back only with a response that could not be sent, for an error page.

Middleware is only wrapped around the handler where there is some. Without it, a request costs no closure
and no object besides its route's match.
"""

from __future__ import annotations

from functools import partial

from trioweb._routing.route import Route, WebSocketRoute
from trioweb._routing.table import Table
from trioweb._web.body import RequestBody
from trioweb._web.request import Request
from trioweb._web.response import Response, prepared
from trioweb._web.switching import SwitchingProtocols
from trioweb._wire.handshake import negotiate_handshake
from trioweb._wire.http1.request_head import RequestHead
from trioweb.config import Config
from trioweb.error_handlers import ErrorHandlers
from trioweb.errors import BodyTooLarge
from trioweb.middleware.chain import Middleware, wrap
from trioweb.middleware.request_id import forget_request_id


class Responder:
    """Responds to requests with the routes, the middleware and the error handlers of one app.

    An app fills it, and any number of servers use it. They may have settings of their own, which
    is why these come with each request.

    Args:
        table: The app's routes, those included.

    Attributes:
        middleware: The outermost first.
        error_handlers: For exceptions and statuses.
    """

    __slots__ = ("_table", "error_handlers", "middleware")

    def __init__(self, table: Table) -> None:
        self._table = table
        self.middleware: list[Middleware] = []
        self.error_handlers = ErrorHandlers()

    @property
    def is_bare(self) -> bool:
        """Whether there is nothing around its handlers: no middleware and no error handlers."""
        return not (self.middleware or self.error_handlers)

    async def respond(
        self, request: Request, head: RequestHead, body: RequestBody | None, config: Config
    ) -> Response:
        """Return the response to a request, prepared.

        Middleware also runs for a request without a route, or with too long a body. So an error that
        is found here is kept, and raised where the handler would have been called.

        Args:
            request: Gets the parameters of its path.
            head: Its head, as it came.
            body: Gets the limits of its route; `None` if it has none.
            config: The server's settings.

        Returns:
            The response. It is a `SwitchingProtocols` if the handshake of a WebSocket may be accepted.
        """
        route: Route | None = None
        failure: Exception | None = None
        try:
            match = self._table.resolve(head.raw_path, head.method, is_websocket=head.wants_websocket)
            request.path_params, route = match.path_params, match.route
        except Exception as error:  # no route, or a converter of the program's own that fails
            failure = error
        if body is not None:
            failure = _limit(body, route, config) or failure
        try:
            if self.middleware:
                endpoint = partial(_call, route, head, config) if failure is None else partial(_fail, failure)
                forget_request_id()  # of the connection's last request
                respond_to_error = partial(self.respond_to_error, is_debug=config.debug)
                return await wrap(endpoint, self.middleware, respond_to_error)(request)
            if failure is None:
                return await prepared(await _call(route, head, config, request), request)
        except Exception as error:
            failure = error
        try:
            return await self.respond_to_error(request, failure, is_debug=config.debug)
        finally:
            del failure  # its traceback leads to this frame: a cycle for the collector

    async def respond_to_error(self, request: Request, error: Exception, *, is_debug: bool) -> Response:
        """Return the response to an exception, prepared.

        Args:
            request: What was to be responded to.
            error: What went wrong.
            is_debug: Whether the response may show the traceback.
        """
        return await self.error_handlers.respond(request, error, is_debug=is_debug)


def _limit(body: RequestBody, route: Route | None, config: Config) -> BodyTooLarge | None:
    """Hold a body to what its route allows, or the application where no route takes it.

    It is done before the middleware runs, which may read the body as well.

    Returns:
        The error, if the body is announced to be longer (RFC 9110 §15.5.14). Without a route it is
        dropped: 404 is the better answer then, whatever comes with the request.
    """
    try:
        body.limit((route and route.limits) or config.limits)
    except BodyTooLarge as error:
        return None if route is None else error
    return None


async def _call(route: Route | None, head: RequestHead, config: Config, request: Request) -> Response:
    """Call the handler; for a WebSocket check the handshake instead, whose handler runs when it is accepted."""
    assert route is not None  # without one there is a failure
    if isinstance(route, WebSocketRoute):
        return _switch(route, head, config, request)
    return Response.of(await route.handler(request, **request.path_params))


def _switch(route: WebSocketRoute, head: RequestHead, config: Config, request: Request) -> Response:
    """Check a handshake (RFC 6455 §4.2.1), and choose what to agree on (§4.2.2)."""
    agreement = negotiate_handshake(
        head,
        origins=config.origins if route.origins is None else route.origins,
        scheme=request.scheme,
        host=request.host,
        subprotocols=route.subprotocols,
        compression=config.compression if route.compression is None else route.compression,
    )
    return SwitchingProtocols(agreement, route)


async def _fail(failure: Exception, _: Request) -> Response:
    raise failure
