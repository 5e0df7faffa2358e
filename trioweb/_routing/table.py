"""Tables: the routes and converters of one router, and its place under another."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping

import attrs

from trioweb._routing.converters import BUILT_IN, Converter
from trioweb._routing.defaults import check_defaults
from trioweb._routing.handler import check_parameters
from trioweb._routing.match import Match, find_match
from trioweb._routing.names import Names
from trioweb._routing.pattern import Pattern, parse_prefix
from trioweb._routing.route import Route
from trioweb._routing.tree import Tree
from trioweb.errors import DuplicateRoute, SetupError

_NO_PREFIX = Pattern("", ())


class Table:
    """Everything that one router holds. A route is in its own table and in all tables above it.

    A table is included at most once, so the tables form a tree. That has three benefits: each
    table above a route contains it exactly once, routes that are added together cannot
    conflict with themselves, and "the converters of the parent" is unambiguous.

    Attributes:
        is_served: Whether it is the table of an app, above which no prefix can add parameters.
    """

    def __init__(self) -> None:
        self.routes: list[Route] = []
        self.tree = Tree()
        self.names = Names()
        self.own_converters: dict[str, Converter] = {}
        self.parent: tuple[Table, Pattern] | None = None
        self.is_served = False
        self._checked_routes = 0

    def converters(self) -> Mapping[str, Converter]:
        """Return the converters by name; those of a nearer table take precedence."""
        return ChainMap(*(table.own_converters for table, _ in self._upwards()), BUILT_IN)

    def add_converter(self, converter: Converter) -> None:
        """Add a converter for this table and those below; see `Router.converter`."""
        if converter.name in BUILT_IN or converter.name in self.own_converters:
            raise SetupError(f"there is a converter {converter.name!r} already: choose another name")
        self.own_converters[converter.name] = converter

    def add(self, route: Route) -> None:
        """Add a route here and in the tables above, or in none of them; see `Router.route`."""
        _add_all([(table, _under(route, prefix)) for table, prefix in self._upwards()])

    def include(self, path: str, table: Table) -> None:
        """Give another table its place under a prefix; see `Router.include`."""
        if table.parent is not None:
            raise SetupError(
                f"the router is included under {table.parent[1].path!r} already, and a router has one place: "
                "make a second router, for example with a function that returns one"
            )
        if any(table is above for above, _ in self._upwards()):
            raise SetupError("a router cannot be included in itself, nor in one that it includes")
        prefix = parse_prefix(path, self.converters())
        _add_all(
            [
                (above, _under(_under(route, prefix), outer))
                for above, outer in self._upwards()
                for route in table.routes
            ]
        )
        table.parent = (self, prefix)

    def resolve(self, raw_path: str, method: str, *, is_websocket: bool) -> Match:
        """Find the route that answers a request.

        Args:
            raw_path: The path as it came, undecoded, without the query.
            method: As it came; methods are case-sensitive (RFC 9110 §9.1).
            is_websocket: Whether the request is a WebSocket handshake.

        Raises:
            HTTPError: 400 the path cannot be decoded, 404 nothing is there, 405 with
                `Allow`, 426 a WebSocket is there and the request is not a handshake.
        """
        return find_match(self.tree, raw_path, method, is_websocket=is_websocket)

    def check_defaults(self) -> None:
        """Refuse parameters that nothing fills; call it when all routes have been added.

        Raises:
            SetupError: A handler has such a parameter.
        """
        *_, (top, _) = self._upwards()
        if self._checked_routes != len(top.routes):  # checked already: `serve_stream` calls this each time
            check_defaults(top.routes)
            self._checked_routes = len(top.routes)

    def _upwards(self) -> Iterator[tuple[Table, Pattern]]:
        """Yield this table and those above it, each with the prefix of this table there."""
        table, prefix = self, _NO_PREFIX
        yield table, prefix
        while table.parent is not None:
            table, outer = table.parent
            prefix = prefix.under(outer)
            yield table, prefix


def _under(route: Route, prefix: Pattern) -> Route:
    return attrs.evolve(route, pattern=route.pattern.under(prefix)) if prefix.segments else route


def _add_all(additions: list[tuple[Table, Route]]) -> None:
    for table, route in additions:
        check_parameters(route.handler, route.pattern, route.first_parameter, is_complete=table.is_served)
        rival = table.tree.rival(route)
        if rival is not None:
            raise DuplicateRoute(f"{route} would answer the same requests as {rival}")
        namesake = table.names.rival(route)
        if namesake is not None:
            raise DuplicateRoute(f"{route} has the same name as {namesake}: {route.name!r}")
    for table, route in additions:
        table.tree.add(route)
        table.names.add(route)
        table.routes.append(route)
