"""The chain of middleware around every request and every handshake."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

from trioweb._web.derived_body import DerivedBody, derived
from trioweb._web.request import Request
from trioweb._web.response import Response, prepared
from trioweb.headers import MutableHeaders

Next = Callable[[Request], Awaitable[Response]]
"""The rest of the chain: the next middleware, or the handler."""

Middleware = Callable[[Request, Next], Awaitable[object]]
"""`async def middleware(request, call_next): return await call_next(request)`."""

RespondToError = Callable[[Request, Exception], Awaitable[Response]]
"""Turns an exception into a response."""


def wrap(endpoint: Next, middleware: Sequence[Middleware], respond_to_error: RespondToError) -> Next:
    """Put `middleware` around `endpoint`, the first outermost.

    An exception from an inner step becomes a response before the next layer sees it; one from the
    outermost layer is left to the caller. A layer sees responses as they would be sent. A chain is
    made for each request: middleware may pass any request to `call_next`, so only the chain itself
    can know the endpoint.
    """
    seen = _Seen()
    step = endpoint
    for layer in reversed(middleware):
        step = _layered(layer, _guarded(step, respond_to_error, seen))
    return _finished(step, seen)


class _Seen:
    """The responses of one chain that middleware has seen.

    A layer sees responses as they would be sent: a `File` has become 200, 206, 304 or an error. So
    files may be open, and sources may wait to be read, and any layer may return a different
    response. All of them are kept here, so that none stays open.
    """

    __slots__ = ("_responses",)

    def __init__(self) -> None:
        self._responses: list[Response] = []

    async def make_ready(self, request: Request, response: Response) -> Response:
        """Prepare a response once, and return one that middleware may change."""
        if any(response is one for one in self._responses):
            return response
        ready = await prepared(response, request)
        # A handler may return one object for all requests: it must not collect the fields of each.
        ready = _copied(ready) if ready is response else ready
        self._responses.append(ready)
        return ready

    async def finish(self, response: Response) -> Response:
        """Return the response to send for a ready one, and close those that it cannot need."""
        if len(self._responses) == 1:
            return response
        if response.is_streamed:  # its pieces may be made from those of another one
            return derived(_LastBody(response, self))
        await self.aclose(sparing=response)
        return response

    async def aclose(self, *, sparing: Response | None = None) -> None:
        """Close all but one, even if closing one of them fails."""
        async with AsyncExitStack() as stack:
            for response in self._responses:
                if response is not sparing:
                    stack.push_async_callback(response.aclose)


class _LastBody(DerivedBody):
    """The body of the response that is sent. Closing it closes all responses that the chain has seen."""

    __slots__ = ("_seen",)

    def __init__(self, inner: Response, seen: _Seen) -> None:
        super().__init__(inner)
        self._seen = seen

    async def aclose(self) -> None:
        await self._seen.aclose()


def _guarded(step: Next, respond_to_error: RespondToError, seen: _Seen) -> Next:
    async def call(request: Request) -> Response:
        try:
            return await seen.make_ready(request, await step(request))
        except Exception as error:
            return await seen.make_ready(request, await respond_to_error(request, error))

    return call


def _layered(layer: Middleware, inner: Next) -> Next:
    async def call(request: Request) -> Response:
        response = await layer(request, inner)
        if response is None:
            name = getattr(layer, "__qualname__", repr(layer))
            raise TypeError(f"middleware {name} returned nothing: expected `return await call_next(request)`")
        return Response.of(response)

    return call


def _finished(step: Next, seen: _Seen) -> Next:
    async def call(request: Request) -> Response:
        try:
            return await seen.finish(await seen.make_ready(request, await step(request)))
        except BaseException:
            await seen.aclose()
            raise

    return call


def _copied(response: Response) -> Response:
    own = copy.copy(response)
    own.headers = MutableHeaders(response.headers.lines())
    return own
