"""The chain of middleware around every request and every handshake.

Calls go inwards and responses come back outwards:

    request → layer 1 → layer 2 → handler
    response ← layer 1 ← layer 2 ← handler

Between any two of them, the chain does two things that every layer would otherwise have to do.

It turns exceptions into responses. A layer that adds a field, such as CORS, has to add it to errors
too, or a page could not even read that its request failed. With exceptions passing through, each
layer would need a `try` of its own.

It prepares responses. A layer that looks at the status, the length or the fields needs those that
will be sent, not those of a `File` that has not been opened. Preparing may open files, and a layer is
free to return a different response from the one it got. So the chain remembers every response that
it has prepared, and closes those that are not sent. If the chain ends with an exception, or is
cancelled, it closes all of them.
"""

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

    An exception from an inner step becomes a response before the next layer sees it. One from the
    outermost layer is left to the caller, which handles it in the same way as without middleware.

    A new chain is made for each request. Middleware may pass any request object to `call_next`, so
    the endpoint cannot be looked up from that object; the chain itself has to hold it.
    """
    seen = _Seen()
    step = endpoint
    for layer in reversed(middleware):
        step = _layered(layer, _guarded(step, respond_to_error, seen))
    return _finished(step, seen)


class _Seen:
    """The responses of one chain that middleware has seen, kept so that each of them is closed.

    A prepared response may hold an open file, or a source that waits to be read. A layer that
    returns a different response usually drops the old one without closing it.
    """

    __slots__ = ("_responses",)

    def __init__(self) -> None:
        self._responses: list[Response] = []

    async def make_ready(self, request: Request, response: Response) -> Response:
        """Prepare a response once, and return one that middleware may change.

        A response that has passed through a layer unchanged comes here again, and is returned as it
        is: preparing a file twice would open it twice.
        """
        if any(response is one for one in self._responses):
            return response
        ready = await prepared(response, request)
        # A handler may return one object for all requests. If layers changed that object, it would keep the
        # fields that were added for each of them.
        ready = _copied(ready) if ready is response else ready
        self._responses.append(ready)
        return ready

    async def finish(self, response: Response) -> Response:
        """Return the response to send, and close the others now, or with it if it is streamed."""
        if len(self._responses) == 1:
            return response
        if response.is_streamed:  # a layer may have made its body from the body of an earlier response
            return derived(_LastBody(response, self))
        await self.aclose(sparing=response)
        return response

    async def aclose(self, *, sparing: Response | None = None) -> None:
        """Close all responses except `sparing`, even if closing one of them fails."""
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
