"""The application: routes, middleware, error handlers, rooms, lifespan. No socket."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TypeVar

import trio

from trioweb._routing.router import Router, check_inclusion
from trioweb._web.files.static import StaticFiles
from trioweb._web.namespace import Namespace
from trioweb._web.request import Request
from trioweb._web.response import Response
from trioweb.config import Config
from trioweb.error_handlers import ErrorHandler, check_key
from trioweb.errors import ConfigError, PatternError, SetupError
from trioweb.lifetime import Lifetime
from trioweb.middleware.chain import Middleware
from trioweb.newcomers import explained
from trioweb.responder import Responder
from trioweb.rooms import Overflow, Room, Rooms
from trioweb.signatures import check_lifespan, check_takes, count_positional, is_async

Lifespan = Callable[..., AbstractAsyncContextManager[object]]

MiddlewareT = TypeVar("MiddlewareT", bound=Middleware)
ErrorHandlerT = TypeVar("ErrorHandlerT", bound=ErrorHandler)


class App(Router):
    """An application; `run` or `serve` puts it behind a socket.

    Build it before it is served. Any number of servers may serve one app. If it has a
    lifespan, they share it, and must be in one run of Trio.

    Args:
        config: Limits, time-outs, origins, compression; the defaults are safe.
        lifespan: An async context manager function, entered before the first connection and
            left after the last: once, however many servers there are. It takes a nursery for
            tasks that live as long as it does, or the app and a nursery: `lifespan(app, nursery)`.

    Attributes:
        state: A dict of your own; you can also write its keys as attributes.
    """

    def __init__(self, config: Config | None = None, *, lifespan: Lifespan | None = None) -> None:
        super().__init__()
        if config is not None and not isinstance(config, Config):
            raise ConfigError(f"App takes a Config, not {type(config).__name__}")
        if lifespan is not None:
            check_lifespan(lifespan)
        self._table.is_served = True
        self.config = config or Config()
        self.state = Namespace()
        self._lifetime = None if lifespan is None else Lifetime(partial(_living, self, lifespan))
        self._responder = Responder(self._table)
        self._rooms = Rooms()

    def middleware(self, function: MiddlewareT) -> MiddlewareT:
        """Put an async function around every request and every handshake.

        `async def function(request, call_next)` returns `await call_next(request)`, or a
        response of its own. The first one added is the outermost. For a handshake,
        `call_next` returns the 101 response before the handler runs. The function may add
        headers to it; if it returns any other response, the handshake is refused. An object
        with `async def __call__(self, request, call_next)` works as well; `trioweb.middleware`
        has several.

        Raises:
            SetupError: It is not async, takes other parameters, or this app is included in another one.
        """
        self._check_has_no_place("middleware")
        if not is_async(function):
            raise SetupError(
                "middleware is an async function of request and call_next, or an object that can be called "
                f"so: write async def, or GZip() and not GZip. This is {function!r}"
            )
        check_takes(function, ("request", "call_next"), "middleware")
        self._responder.middleware.append(function)
        return function

    def error_handler(self, key: type[Exception] | int) -> Callable[[ErrorHandlerT], ErrorHandlerT]:
        """Handle an exception class or a status: `async def handler(request, error)`.

        A handler for a status takes precedence over one for a class, and a class over its base classes.

        Args:
            key: An exception class, or a status from 400 to 599.

        Raises:
            SetupError: `key` is neither, the handler is not an async function of request and error,
                or this app is included in another one.
            DuplicateRoute: There is already a handler for it.
        """
        check_key(key)

        def decorate(handler: ErrorHandlerT) -> ErrorHandlerT:
            self._check_has_no_place("an error handler")
            if not is_async(handler):
                raise SetupError(
                    "an error handler is an async function of request and error: write async def"
                )
            check_takes(handler, ("request", "error"), "an error handler")
            self._responder.error_handlers.add(key, handler)
            return handler

        return decorate

    def static(
        self,
        prefix: str,
        folder: str | os.PathLike[str],
        *,
        name: str | None = None,
        cache_control: str = "no-cache",
        precompressed: bool = True,
    ) -> None:
        """Serve the files of a folder, and `index.html` for the folders in it.

        Args:
            prefix: The path under which they appear, such as `"/static"`.
            folder: Must exist; nothing outside it is served.
            name: For `url_for(name, relative="css/site.css")`.
            cache_control: Sent with each file. By default, browsers ask each time whether they
                still have the current version, which costs only a 304.
            precompressed: Whether to send `app.js.br`, `app.js.zst` or `app.js.gz`, if it exists
                and is not older, instead of `app.js` to clients that can decode it.

        Raises:
            ConfigError: `folder` is not a folder.
            LocalProtocolError: `cache_control` cannot be sent.
            PatternError: `prefix` cannot be parsed.
        """
        if prefix and not prefix.startswith("/"):
            raise PatternError(f'a prefix starts with "/", unlike {prefix!r}: write {"/" + prefix!r}')
        files = StaticFiles(folder, cache_control=cache_control, precompressed=precompressed)
        path = prefix.rstrip("/")

        async def serve_file(request: Request, relative: str = "", **_: object) -> Response:
            return await files.respond(request, relative)

        self.get(f"{path}/{{relative:path}}", name=name)(serve_file)
        self.get(f"{path}/", name=f"{name}_index" if name else None)(serve_file)
        if path:  # without the slash it redirects, so that relative links work
            self.get(path, name=f"{name}_folder" if name else None)(serve_file)

    def include(self, prefix: str, router: Router) -> None:
        """Put the routes of `router` under `prefix`, including those added to it later.

        An app may be included too, with its routes and its lifespan, which is entered after this
        app's. Its rooms and its state stay its own, and this app's settings apply. Middleware and
        error handlers belong to the app that is served, so an app that has any cannot be included.
        Since an app can also be served alone, its handlers must have a default for each parameter
        of the prefix; those of a router need none. A default that no prefix or path ever replaces
        is refused when the app is served.

        Args:
            prefix: A path that does not end in "/", or "" for none.
            router: Another router or app.

        Raises:
            PatternError: The prefix cannot be parsed, or a path has two parameters with the same name.
            DuplicateRoute: A route answers the same requests as one here, or has the same name.
            SetupError: `router` is already included, is this one, or includes this one; or it is
                an app that would lose its middleware or error handlers.
        """
        check_inclusion(prefix, router)
        _check_are_bare((router, *router._below()))  # noqa: SLF001 - of a class above
        super().include(prefix, router)

    def room(self, name: str, *, overflow: Overflow | None = None) -> Room:
        """Return the room with this name; it exists for as long as anything refers to it.

        Args:
            name: The same name always finds the same room.
            overflow: The policy for members whose outbox is full, if they join from now on
                without a policy of their own; at first `Overflow.CLOSE`.

        Raises:
            ConfigError: `overflow` is not an `Overflow`.
        """
        return self._rooms.room(name, overflow=overflow)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Hold the lifespans of this app and then of those included in it, in their order.

        The first holder enters each of them, and the last one leaves it.
        """
        async with AsyncExitStack() as stack:
            for lifetime in self._lifetimes():
                await stack.enter_async_context(lifetime.held())
            yield

    def _lifetimes(self) -> list[Lifetime]:
        apps = [one for one in (self, *self._below()) if isinstance(one, App)]
        return [app._lifetime for app in apps if app._lifetime is not None]  # noqa: SLF001 - of its own class

    def _check_has_no_place(self, what: str) -> None:
        if self._table.parent is not None:
            raise SetupError(
                f"{what} of an app that is included in another would never be asked: "
                "give it to the app that is served"
            )


# For the server. The attributes of an app are for programs. The server reaches the internals of an app
# only through these functions.


def responder_of(app: App) -> Responder:
    """Return the responder that answers an app's requests."""
    return app._responder  # noqa: SLF001


def check_served(app: App) -> None:
    """Check again, just before the app is served, that nothing would be lost.

    A router that is included here may have included an app since then.

    Raises:
        SetupError: An app with middleware or error handlers is included, or a parameter of a
            handler has a default that nothing will ever replace.
    """
    _check_are_bare(app._below())  # noqa: SLF001
    app._table.check_defaults()  # noqa: SLF001


@asynccontextmanager
async def lifespan_if_entered(app: App) -> AsyncIterator[None]:
    """Hold the lifespans of an app that have been entered, so that others do not leave them meanwhile."""
    async with AsyncExitStack() as stack:
        for lifetime in app._lifetimes():  # noqa: SLF001
            await stack.enter_async_context(lifetime.held_if_entered())
        yield


@asynccontextmanager
async def _living(app: App, lifespan: Lifespan) -> AsyncIterator[None]:
    """Enter a lifespan; its nursery is cancelled at the end."""
    async with trio.open_nursery() as nursery:
        arguments = (app, nursery) if count_positional(lifespan) == 2 else (nursery,)
        with explained():
            async with lifespan(*arguments):
                yield
        nursery.cancel_scope.cancel()


def _check_are_bare(routers: Iterable[Router]) -> None:
    if any(isinstance(one, App) and not responder_of(one).is_bare for one in routers):
        raise SetupError(
            "an app with middleware or error handlers cannot be included, since they would be lost: "
            "give them to the app that is served"
        )
