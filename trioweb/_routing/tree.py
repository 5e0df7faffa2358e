"""The tree of routes: one level for each segment, and a dictionary in each node.

Exactly one chain of keys (static texts and converters) leads to a node, and each key takes
exactly one segment; a path parameter takes the rest and is a leaf. So a walk visits each node
at most once, whatever the path. Trying one branch after another costs at most the number of
nodes, and never grows as two to the power of the number of segments. The walk does not look
below a static text that is not in the path, so a hundred thousand routes are as fast as ten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from trioweb._routing.converters import Converter
from trioweb._routing.pattern import Pattern
from trioweb._routing.route import HttpRoute, Route, WebSocketRoute
from trioweb._routing.segments import has_separator


class Endpoint:
    """The routes at one place of the tree: HTTP routes by method, and a WebSocket."""

    __slots__ = ("by_method", "websocket")

    def __init__(self) -> None:
        self.by_method: dict[str, HttpRoute] = {}
        self.websocket: WebSocketRoute | None = None

    def http(self, method: str) -> HttpRoute | None:
        """Return the route for `method`; a GET route answers HEAD (RFC 9110 §9.3.2)."""
        route = self.by_method.get(method)
        return self.by_method.get("GET") if route is None and method == "HEAD" else route

    def allowed(self) -> set[str]:
        """Return the methods for `Allow`. A handshake is a GET (RFC 6455 §4.1)."""
        methods = set(self.by_method)
        if "GET" in methods:
            methods.add("HEAD")
        if self.websocket is not None:
            methods.add("GET")
        return methods

    def rival(self, route: Route) -> Route | None:
        """Return a route that would answer the same requests as `route`."""
        if isinstance(route, WebSocketRoute):
            return self.websocket
        return next((self.by_method[method] for method in route.methods if method in self.by_method), None)

    def add(self, route: Route) -> None:
        """Add a route, which must not have a rival here."""
        if isinstance(route, WebSocketRoute):
            self.websocket = route
        else:
            self.by_method.update(dict.fromkeys(route.methods, route))


class Node:
    """One place in the tree; `dynamic` is kept in the order of the converters' ranks."""

    __slots__ = ("dynamic", "endpoint", "static")

    def __init__(self) -> None:
        self.static: dict[str, Node] = {}
        self.dynamic: dict[Converter, Node] = {}
        self.endpoint: Endpoint | None = None

    def child(self, key: str | Converter) -> Node | None:
        """Return the node that a static text or a converter leads to."""
        return self.static.get(key) if isinstance(key, str) else self.dynamic.get(key)

    def grow(self, key: str | Converter) -> Node:
        """Add a node for a key that does not have one."""
        node = Node()
        if isinstance(key, str):
            self.static[key] = node
        else:
            self.dynamic[key] = node
            self.dynamic = dict(sorted(self.dynamic.items(), key=lambda item: item[0].rank))
        return node


# Text that decoding does not change. A pattern never contains dot segments.
_SAME_DECODED = re.compile(r"[!-$&-~]+")


class Tree:
    """All routes of one router, by the place of their patterns.

    Attributes:
        plain: The endpoints of patterns without parameters, by the path of a request, if that
            path is the same encoded and decoded. A walk would find them first, so looking them
            up here gives the same result with less work.
    """

    def __init__(self) -> None:
        self._root = Node()
        self.plain: dict[str, Endpoint] = {}

    def rival(self, route: Route) -> Route | None:
        """Return a route at the same place that would answer the same requests."""
        node = self._root
        for key in _keys(route.pattern):
            child = node.child(key)
            if child is None:
                return None
            node = child
        return node.endpoint.rival(route) if node.endpoint is not None else None

    def add(self, route: Route) -> None:
        """Add a route, which must not have a rival."""
        node = self._root
        for key in _keys(route.pattern):
            node = node.child(key) or node.grow(key)
        if node.endpoint is None:
            node.endpoint = Endpoint()
        node.endpoint.add(route)
        pattern = route.pattern
        if not pattern.parameters and _SAME_DECODED.fullmatch(pattern.path):
            self.plain[pattern.path] = node.endpoint

    def matches(self, segments: list[str]) -> Iterator[tuple[Endpoint, tuple[Any, ...]]]:
        """Yield the endpoints that match a path, best first, with the values of their parameters.

        Static texts come first, then the converters by rank. The branches still to be tried are
        on a stack of our own, so a long path cannot overflow Python's.
        """
        pending: list[tuple[Node, Converter | None, int, tuple[Any, ...]]] = [(self._root, None, 0, ())]
        while pending:
            node, converter, depth, values = pending.pop()
            if converter is not None:
                end = len(segments) if converter.takes_rest else depth + 1
                if not converter.takes_rest and has_separator(segments[depth]):
                    continue
                try:
                    values = (*values, converter.parse("/".join(segments[depth:end])))
                except ValueError:
                    continue
                depth = end
            if depth == len(segments):
                if node.endpoint is not None:
                    yield node.endpoint, values
                continue
            segment = segments[depth]
            if segment and node.dynamic:
                pending.extend((child, key, depth, values) for key, child in reversed(node.dynamic.items()))
            if segment in node.static:
                pending.append((node.static[segment], None, depth + 1, values))


def _keys(pattern: Pattern) -> Iterator[str | Converter]:
    for segment in pattern.segments:
        yield segment if isinstance(segment, str) else segment.converter
