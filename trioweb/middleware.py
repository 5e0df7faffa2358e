"""What is wrapped around every request and every handshake."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from trioweb._web.request import Request
from trioweb._web.response import Response

Next = Callable[[Request], Awaitable[Response]]
"""The rest of the way: the next middleware, or the handler."""

Middleware = Callable[[Request, Next], Awaitable[Response]]
"""`async def middleware(request, call_next): return await call_next(request)`."""


def wrap(endpoint: Next, middleware: Sequence[Middleware]) -> Next:
    """Put `middleware` around `endpoint`, the first outermost."""
    for layer in reversed(middleware):
        endpoint = _layered(layer, endpoint)
    return endpoint


def _layered(layer: Middleware, inner: Next) -> Next:
    async def call(request: Request) -> Response:
        return Response.of(await layer(request, inner))

    return call
