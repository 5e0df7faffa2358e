"""The router: its decorators add routes, and `resolve` finds the one for a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from trioweb._routing.converters import Converter
from trioweb._routing.handler import Handler
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

    Mistakes raise at the decorator: a path that cannot be parsed, a second route for the same
    requests, a handler that is not async, or one whose parameters are not those of its path.
    Parameters that a prefix has to fill are checked once the router is included in an app.
    """

    def __init__(self) -> None:
        self._table = Table()
        self._included: list[Router] = []

    @property
    def routes(self) -> tuple[Route, ...]:
        """All routes in the order they were added, those of included routers with their prefix."""
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
            path: Matched exactly as it is written. A segment `{name}` or `{name:converter}`
                becomes a keyword argument of the handler.
            methods: One or more; GET includes HEAD.
            name: For `url_for`; by default the handler's name.
            limits: `None` for the application's. Only the limits of bodies and forms apply.

        Raises:
            PatternError: The path cannot be parsed.
            DuplicateRoute: Another route answers the same requests, or has the same name.
            SetupError: The handler is not async, its parameters are not those of the path, or a
                method is not a token.
            ConfigError: `limits` is not a `Limits`.
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
        """Answer GET, and HEAD with no body; see `route`."""
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
            subprotocols: The subprotocols of the handler, most preferred first.
            origins: As in `Config.origins`; `None` for the application's.
            compression: `None` for the application's.
            limits: `None` for the application's.

        Raises:
            PatternError: The path cannot be parsed.
            DuplicateRoute: Another WebSocket has the same path, or another route the same name.
            SetupError: The handler is not async, its parameters are not those of the path, or a
                subprotocol is not a token.
            ConfigError: `origins`, `compression` or `limits` is not valid.
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
        """Put the routes of `router` under `prefix`, including those added to it later.

        A router can be included once. From then on, its paths may name the converters of
        this router too; a route added to it earlier could name only its own.

        Args:
            prefix: A path that does not end in "/", or "" for none. It may have
                parameters, which the handlers receive in addition to their own.
            router: Another router, with or without included routers of its own.

        Raises:
            PatternError: The prefix cannot be parsed, or a path has two parameters of one name.
            DuplicateRoute: A route answers the same requests as one here, or has the same name.
            SetupError: `router` is already included, is this one, or includes this one; or a
                handler does not take the prefix's parameters.
        """
        check_inclusion(prefix, router)
        self._table.include(prefix, router._table)
        self._included.append(router)

    def _below(self) -> Iterator[Router]:
        """Yield the routers included here, each followed by those included in it."""
        for router in self._included:
            yield router
            yield from router._below()  # noqa: SLF001 - of its own class

    def converter(
        self,
        name: str,
        parse: Callable[[str], Any],
        format: Callable[[Any], str] = str,  # noqa: A002 - the pair of `parse`
    ) -> None:
        """Define `{x:name}` for the paths of this router and of routers included in it.

        Args:
            name: An identifier that is not the name of a built-in converter.
            parse: Makes the value from one decoded segment, which is never empty. A
                `ValueError` means that the route does not match.
            format: Makes the text for `url_for`. A `ValueError` or `TypeError` means
                that the value does not fit. `parse` must accept the text that it returns.

        Raises:
            SetupError: The name is taken, or an argument has the wrong type.
        """
        self._table.add_converter(Converter(name, parse, format))

    def url_for(self, name: str, /, **params: Any) -> str:
        """Return the path of a route, percent-encoded; the inverse of `resolve`.

        Args:
            name: The route's name, or its handler's if it has none. Routes of
                included routers are found too, with their prefix.
            params: A value for each parameter, no more and no fewer.

        Raises:
            PatternError: The name is unknown or belongs to several paths; a parameter is
                missing or unknown, or no request could contain its value.
        """
        return self._table.names.find(name).pattern.fill(params)


def check_inclusion(prefix: object, router: object) -> None:
    """Refuse arguments that are not a prefix and a router, in this order.

    Raises:
        SetupError: One of them is something else.
    """
    if not isinstance(prefix, str) or not isinstance(router, Router):
        raise SetupError(
            f'include takes a prefix and then a router, as in app.include("/x", router), not {prefix!r} and {router!r}'
        )
