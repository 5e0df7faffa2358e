"""What is wrapped around every request and every handshake."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from trioweb._web.request import Request
from trioweb._web.response import Response

Next = Callable[[Request], Awaitable[Response]]
"""The rest of the way: the next middleware, or the handler."""

Middleware = Callable[[Request, Next], Awaitable[object]]
"""`async def middleware(request, call_next): return await call_next(request)`."""

AnswerError = Callable[[Request, Exception], Awaitable[Response]]
"""Turns an exception into a response."""


def wrap(endpoint: Next, middleware: Sequence[Middleware], answer_error: AnswerError) -> Next:
    """Put `middleware` around `endpoint`, the first outermost.

    What a step inside raises is answered before the next layer sees it; what the outermost
    raises is left to the caller. It is done for each request anew: any request may be given
    to `call_next`, so only the chain itself can know the endpoint.
    """
    step = endpoint
    for layer in reversed(middleware):
        step = _layered(layer, _guarded(step, answer_error))
    return step


def _guarded(step: Next, answer_error: AnswerError) -> Next:
    async def call(request: Request) -> Response:
        try:
            return await step(request)
        except Exception as error:
            return await answer_error(request, error)

    return call


def _layered(layer: Middleware, inner: Next) -> Next:
    async def call(request: Request) -> Response:
        response = await layer(request, inner)
        if response is None:
            name = getattr(layer, "__qualname__", repr(layer))
            raise TypeError(f"middleware {name} returned nothing: expected `return await call_next(request)`")
        return Response.of(response)

    return call
