"""What is wrapped around every request and every handshake."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from trioweb._web.request import Request
from trioweb._web.response import Response

Next = Callable[[Request], Awaitable[Response]]
"""The rest of the way: the next middleware, or the handler."""

Middleware = Callable[[Request, Next], Awaitable[object]]
"""`async def middleware(request, call_next): return await call_next(request)`."""


Answered = Callable[[Request, Next], Awaitable[Response]]
"""Calls a step and turns its exceptions into responses."""


def wrap(endpoint: Next, middleware: Sequence[Middleware], answered: Answered) -> Next:
    """Put `middleware` around `endpoint`, the first outermost, and `answered` around each."""
    step = _guarded(endpoint, answered)
    for layer in reversed(middleware):
        step = _guarded(_layered(layer, step), answered)
    return step


def _guarded(step: Next, answered: Answered) -> Next:
    async def call(request: Request) -> Response:
        return await answered(request, step)

    return call


def _layered(layer: Middleware, inner: Next) -> Next:
    async def call(request: Request) -> Response:
        response = await layer(request, inner)
        if response is None:
            name = getattr(layer, "__qualname__", repr(layer))
            raise TypeError(f"middleware {name} returned nothing: expected `return await call_next(request)`")
        return Response.of(response)

    return call
