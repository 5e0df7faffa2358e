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
    """What a program is made of; `run` or `serve` puts it behind a socket.

    Build it before it is served. Any number of servers may serve one app, in one run of Trio
    if it has a lifespan; they share that.

    Args:
        config: Limits, time-outs, origins, compression; the defaults are safe.
        lifespan: An async context manager function that is entered before the first
            connection and left after the last, once however many servers there are. It takes
            a nursery, for tasks that live as long, or the app and a nursery:
            `lifespan(app, nursery)`.

    Attributes:
        state: A dict of your own, its keys also usable as attributes.
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
        response of its own. The first that was added is the outermost. For a handshake
        `call_next` gives the 101 response, to which headers may be added, before the
        handler runs; any other response refuses the handshake. An object with
        `async def __call__(self, request, call_next)` will do as well: `trioweb.middleware`
        has some.

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
        """Answer an exception class or a status: `async def handler(request, error)`.

        A handler for a status goes before one for a class, and a class before its bases.

        Args:
            key: An exception class, or a status from 400 to 599.

        Raises:
            SetupError: `key` is neither, the handler is not an async function of request and error,
                or this app is included in another one.
            DuplicateRoute: There is one already.
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
            folder: Must be there; nothing outside it is served.
            name: For `url_for(name, relative="css/site.css")`.
            cache_control: Sent with each file; by default browsers ask each time whether
                they still have the current version, which costs no more than a 304.
            precompressed: Send `app.js.br`, `app.js.zst` or `app.js.gz`, where one is there,
                instead of `app.js` to those who can read it, unless it is older.

        Raises:
            ConfigError: `folder` is not a folder.
            LocalProtocolError: `cache_control` cannot be sent.
            PatternError: `prefix` cannot be read.
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
        """Put the routes of `router` under `prefix`, those added to it later as well.

        An app may be included too: its routes, and its lifespan, which is entered after this
        app's. Its rooms and state stay its own, and this app's settings apply. Middleware and
        error handlers belong to the app that is served, so one that has them cannot be included.
        Since an app can also be served by itself, its handlers take a parameter of the prefix
        only with a default; those of a router need none. A default that no prefix or path replaces
        in the program at hand is refused when the app is served.

        Args:
            prefix: A path that does not end in "/", or "" for none.
            router: Another router or app.

        Raises:
            PatternError: The prefix cannot be read, or a parameter's name comes twice.
            DuplicateRoute: A route answers the same requests as one here, or has its name.
            SetupError: `router` has a place already, is this one or above it, or is an app
                that would lose something.
        """
        check_inclusion(prefix, router)
        _check_are_bare((router, *router._below()))  # noqa: SLF001 - of a class above
        super().include(prefix, router)

    def room(self, name: str, *, overflow: Overflow | None = None) -> Room:
        """Return the room with this name; it exists for as long as somebody holds it.

        Args:
            name: Any text.
            overflow: What happens when a member's outbox is full, for those who join
                from now on without a policy of their own; at first `Overflow.CLOSE`.

        Raises:
            ConfigError: `overflow` is not an `Overflow`.
        """
        return self._rooms.room(name, overflow=overflow)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Hold the lifespans of this app and then of those in it, in the order they came.

        The first who does so enters each of them, and the last leaves it.
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


# For the server. An app shows programs what they are written with. What serves it is reached by these
# functions, and by nothing else.


def responder_of(app: App) -> Responder:
    """Return what responds to the requests of an app."""
    return app._responder  # noqa: SLF001


def check_served(app: App) -> None:
    """Look once more for what would be lost, now that the app is going to be served.

    A router that is included already may have been given an app since.

    Raises:
        SetupError: An app with middleware or error handlers is included, or a parameter of a
            handler has a default that nothing will ever replace.
    """
    _check_are_bare(app._below())  # noqa: SLF001
    app._table.check_defaults()  # noqa: SLF001


@asynccontextmanager
async def lifespan_if_entered(app: App) -> AsyncIterator[None]:
    """Hold those lifespans of an app that are entered, so that others do not leave them meanwhile."""
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
