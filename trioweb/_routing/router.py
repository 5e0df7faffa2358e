"""The router: decorators on one side, the match for a request on the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from trioweb._routing.converters import Converter
from trioweb._routing.handler import Handler
from trioweb._routing.match import Match, find_match
from trioweb._routing.pattern import parse_pattern
from trioweb._routing.route import HttpRoute, Route, WebSocketRoute
from trioweb._routing.table import Table
from trioweb.config import Deflate, Limits, parse_origins
from trioweb.errors import SetupError
from trioweb.foreign_names import ROUTER, explaining

HandlerT = TypeVar("HandlerT", bound=Handler)


@explaining(ROUTER)
class Router:
    """Routes, and routers included under a prefix.

    Everything is checked where it is written: a path that cannot be read, a second
    route for the same requests, or a handler that is not async, or takes other parameters
    than its path has, raises at its decorator. What a prefix has to fill is looked at where
    the router is included in an app.
    """

    def __init__(self) -> None:
        self._table = Table()
        self._included: list[Router] = []

    @property
    def routes(self) -> tuple[Route, ...]:
        """All routes in the order they came, those of included routers with prefix."""
        return tuple(self._table.routes)

    def route(
        self,
        path: str,
        *,
        methods: Iterable[str] = ("GET",),
        name: str | None = None,
        limits: Limits | None = None,
    ) -> Callable[[HandlerT], HandlerT]:
        """Answer HTTP requests for `path`.

        Args:
            path: Matched exactly as it is written; `{name}` or `{name:converter}` as a
                whole segment becomes a keyword argument of the handler.
            methods: One or more; HEAD comes with GET.
            name: For `url_for`; the handler's name unless given.
            limits: `None` for the application's. Those of bodies and forms count.

        Raises:
            PatternError: The path cannot be read.
            DuplicateRoute: Another route answers the same requests, or has the name.
            SetupError: The handler is not async, its parameters are not the path's, or a method
                is not a token.
            ConfigError: `limits` are none.
        """
        pattern = parse_pattern(path, self._table.converters())

        def decorate(handler: HandlerT) -> HandlerT:
            self._table.add(
                HttpRoute(pattern=pattern, handler=handler, methods=methods, name=name, limits=limits)
            )
            return handler

        return decorate

    def get(
        self, path: str, *, name: str | None = None, limits: Limits | None = None
    ) -> Callable[[HandlerT], HandlerT]:
        """Answer GET, and HEAD without the body; see `route`."""
        return self.route(path, methods=("GET",), name=name, limits=limits)

    def post(
        self, path: str, *, name: str | None = None, limits: Limits | None = None
    ) -> Callable[[HandlerT], HandlerT]:
        """Answer POST; see `route`."""
        return self.route(path, methods=("POST",), name=name, limits=limits)

    def put(
        self, path: str, *, name: str | None = None, limits: Limits | None = None
    ) -> Callable[[HandlerT], HandlerT]:
        """Answer PUT; see `route`."""
        return self.route(path, methods=("PUT",), name=name, limits=limits)

    def patch(
        self, path: str, *, name: str | None = None, limits: Limits | None = None
    ) -> Callable[[HandlerT], HandlerT]:
        """Answer PATCH; see `route`."""
        return self.route(path, methods=("PATCH",), name=name, limits=limits)

    def delete(
        self, path: str, *, name: str | None = None, limits: Limits | None = None
    ) -> Callable[[HandlerT], HandlerT]:
        """Answer DELETE; see `route`."""
        return self.route(path, methods=("DELETE",), name=name, limits=limits)

    def websocket(
        self,
        path: str,
        *,
        name: str | None = None,
        subprotocols: Iterable[str] = (),
        origins: str | Iterable[str] | None = None,
        compression: Deflate | None = None,
        limits: Limits | None = None,
    ) -> Callable[[HandlerT], HandlerT]:
        """Answer WebSocket handshakes for `path`, which may have HTTP routes as well.

        Args:
            path: As for `route`.
            name: As for `route`.
            subprotocols: Those that the handler speaks, most wanted first.
            origins: As `Config.origins`; `None` for the application's.
            compression: `None` for the application's.
            limits: `None` for the application's.

        Raises:
            PatternError: The path cannot be read.
            DuplicateRoute: Another WebSocket has the path, or another route the name.
            SetupError: The handler is not async, its parameters are not the path's, or a
                subprotocol is not a token.
            ConfigError: `origins`, `compression` or `limits` cannot work.
        """
        pattern = parse_pattern(path, self._table.converters())
        allowed_origins = parse_origins(origins)

        def decorate(handler: HandlerT) -> HandlerT:
            route = WebSocketRoute(
                pattern=pattern,
                handler=handler,
                name=name,
                subprotocols=subprotocols,
                origins=allowed_origins,
                compression=compression,
                limits=limits,
            )
            self._table.add(route)
            return handler

        return decorate

    def include(self, prefix: str, router: Router) -> None:
        """Put the routes of `router` under `prefix`, those added to it later as well.

        A router has one place. From here on it also knows the converters of this one;
        a route that was added before had to do with its own.

        Args:
            prefix: A path that does not end in "/", or "" for none; it may have
                parameters, which the handlers receive beside their own.
            router: Another router, with or without included routers of its own.

        Raises:
            PatternError: The prefix cannot be read, or a parameter's name comes twice.
            DuplicateRoute: A route answers the same requests as one here, or has its name.
            SetupError: `router` has a place already, or is this one or above it; or a handler
                does not take the prefix's parameters.
        """
        check_inclusion(prefix, router)
        self._table.include(prefix, router._table)
        self._included.append(router)

    def below(self) -> Iterator[Router]:
        """Yield the routers included here and in each other, in the order they came."""
        for router in self._included:
            yield router
            yield from router.below()

    def converter(
        self,
        name: str,
        parse: Callable[[str], Any],
        format: Callable[[Any], str] = str,  # noqa: A002 - the pair of `parse`
    ) -> None:
        """Let the paths of this router, and of routers included in it, say `{x:name}`.

        Args:
            name: An identifier that is not built in.
            parse: Makes the value from one decoded segment, which is never empty;
                `ValueError` means that the route does not match.
            format: Makes the text for `url_for`; `ValueError` or `TypeError` means
                that the value does not fit. `parse` has to accept what it returns.

        Raises:
            SetupError: The name is taken, or an argument is of the wrong kind.
        """
        self._table.add_converter(Converter(name, parse, format))

    def url_for(self, name: str, /, **params: Any) -> str:
        """Return the path of a route, percent-encoded; the way back from `resolve`.

        Args:
            name: The route's name, or its handler's when it was given none. Routes of
                included routers are found too, with their prefix.
            params: A value for each parameter, no more and no fewer.

        Raises:
            PatternError: The name is unknown or stands for several paths; a parameter
                is missing or unknown, or its value could not come back from a request.
        """
        return self._table.names.find(name).pattern.fill(params)

    def resolve(self, raw_path: str, method: str, *, is_websocket: bool) -> Match:
        """Find the route that answers a request.

        Args:
            raw_path: The path as it came, undecoded, without the query.
            method: As it came; methods are case-sensitive (RFC 9110 §9.1).
            is_websocket: Whether the request is a WebSocket handshake.

        Raises:
            HTTPError: 400 the path cannot be decoded, 404 nothing is there, 405 with
                `Allow`, 426 a WebSocket is there and the request is no handshake.
        """
        return find_match(self._table.tree, raw_path, method, is_websocket=is_websocket)


def check_inclusion(prefix: object, router: object) -> None:
    """Refuse what is not a prefix and a router, in this order.

    Raises:
        SetupError: One of them is something else.
    """
    if not isinstance(prefix, str) or not isinstance(router, Router):
        raise SetupError(
            f'include takes a prefix and then a router, as in app.include("/x", router), not {prefix!r} and {router!r}'
        )
