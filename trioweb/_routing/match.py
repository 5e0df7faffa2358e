"""Matches: a single walk that decides between a route, 404, 405 and 426."""

from __future__ import annotations

from typing import Any

import attrs

from trioweb._routing.route import HttpRoute, Route, WebSocketRoute
from trioweb._routing.segments import decoded_segments
from trioweb._routing.tree import Tree
from trioweb.errors import HTTPError


@attrs.define
class Match:
    """The route for a request, and the values of its path's parameters."""

    route: HttpRoute | WebSocketRoute
    path_params: dict[str, Any]


def find_match(tree: Tree, raw_path: str, method: str, *, is_websocket: bool) -> Match:
    """Find the route for a request, or raise the status that refuses it.

    A path that matches a route without parameters is found with one lookup, since such a
    route precedes all others. The tree is walked only if that place has no route for the request.

    A place that matches the path but lacks the method does not end the walk, because a
    later place may have it. Likewise, a handshake passes over plain routes. It falls
    back to the first of them only if the path has no WebSocket: a client that asks for an
    upgrade only offers it, and a server may ignore the offer (RFC 9110 §7.8).

    Raises:
        HTTPError: 400 or 404 for the path, 405 or 426 for the method.
    """
    endpoint = tree.plain.get(raw_path)
    if endpoint is not None:
        found = endpoint.websocket if is_websocket else endpoint.http(method)
        if found is not None:
            return Match(found, {})
    return _walk(tree, raw_path, method, is_websocket=is_websocket)


def _walk(tree: Tree, raw_path: str, method: str, *, is_websocket: bool) -> Match:
    allowed: set[str] = set()
    has_websocket = False
    plain: Match | None = None
    for endpoint, values in tree.matches(decoded_segments(raw_path)):
        if is_websocket and endpoint.websocket is not None:
            return _bound(endpoint.websocket, values)
        route = endpoint.http(method)
        if route is not None and plain is None:
            plain = _bound(route, values)
            if not is_websocket:
                break
        allowed |= endpoint.allowed()
        has_websocket = has_websocket or endpoint.websocket is not None
    if plain is not None:
        return plain
    raise _refusal(method, allowed, has_websocket=has_websocket)


def _bound(route: Route, values: tuple[Any, ...]) -> Match:
    return Match(route, route.pattern.bind(values))


def _refusal(method: str, allowed: set[str], *, has_websocket: bool) -> HTTPError:
    if not allowed:
        return HTTPError(404)
    if has_websocket and method in {"GET", "HEAD"}:
        # RFC 9110 §15.5.22 and RFC 6455 §4.4: name the upgrade and its version.
        headers = {"Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        return HTTPError(426, "This path is a WebSocket.", headers)
    # RFC 9110 §15.5.6: a 405 must list the methods that are allowed.
    return HTTPError(405, headers={"Allow": ", ".join(sorted(allowed))})
