"""Routes: a pattern, the handler behind it, and what its decorator said."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import attrs

from trioweb._routing.pattern import Pattern
from trioweb.config import Deflate, Limits
from trioweb.errors import SetupError
from trioweb.headers import is_token
from trioweb.validators import instance_of

Handler = Callable[..., Awaitable[Any]]


def _check_handler(_: object, __: attrs.Attribute[Any], handler: object) -> None:
    target = _without_partial(handler)
    is_async = callable(target) and (
        inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(type(target).__call__)
    )
    if not is_async:
        raise SetupError(
            f"{handler_label(handler)} is not an async function: write async def, and no yield in it"
        )


def _without_partial(handler: object) -> object:
    while isinstance(handler, functools.partial):
        handler = handler.func
    return handler


def handler_name(handler: object) -> str:
    """Return the name of the function, or of the class of a callable object."""
    target = _without_partial(handler)
    return str(getattr(target, "__name__", type(target).__name__))


def handler_label(handler: object) -> str:
    """Return the module and the qualified name, for error texts."""
    target = _without_partial(handler)
    module = getattr(target, "__module__", type(target).__module__)
    name = getattr(target, "__qualname__", type(target).__qualname__)
    return f"{module}.{name}"


def _tokens(what: str, values: Iterable[object]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise SetupError(f"{what} takes a list such as [{values!r}], not {values!r}")
    tokens: dict[str, None] = {}
    for token in values:
        if not isinstance(token, str) or not is_token(token):
            raise SetupError(f"{what} takes tokens (RFC 9110 §5.6.2), not {token!r}")
        if token in tokens:
            raise SetupError(f"{what} has {token!r} twice")
        tokens[token] = None
    return tuple(tokens)


def _methods(values: Iterable[str]) -> frozenset[str]:
    methods = frozenset(method.upper() for method in _tokens("methods", values))
    if not methods:
        raise SetupError("methods is empty: the route could never match")
    return methods


def _subprotocols(values: Iterable[str]) -> tuple[str, ...]:
    return _tokens("subprotocols", values)


@attrs.frozen(eq=False, kw_only=True)
class HttpRoute:
    """One path answered over plain HTTP.

    Attributes:
        pattern: The path, with the prefixes of the routers above.
        handler: An async callable, as it was decorated.
        methods: In upper case. HEAD is answered wherever GET is, without being here.
        name: The name it was given; without one it goes by its handler's.
        limits: `None` for the application's.
    """

    pattern: Pattern
    handler: Handler = attrs.field(validator=_check_handler)
    methods: frozenset[str] = attrs.field(converter=_methods)
    name: str | None = None
    limits: Limits | None = attrs.field(default=None, validator=instance_of(Limits, optional=True))

    @property
    def path(self) -> str:
        """The path as it was written, with prefixes."""
        return self.pattern.path

    def __str__(self) -> str:
        return f"{', '.join(sorted(self.methods))} {self.path} ({handler_label(self.handler)})"


@attrs.frozen(eq=False, kw_only=True)
class WebSocketRoute:
    """One path answered by a WebSocket.

    Attributes:
        pattern: The path, with the prefixes of the routers above.
        handler: An async callable, as it was decorated.
        name: The name it was given; without one it goes by its handler's.
        subprotocols: Those that the handler speaks, most wanted first (RFC 6455 §1.9).
        origins: As `Config.origins`, parsed; `None` for the application's.
        compression: `None` for the application's.
        limits: `None` for the application's.
    """

    pattern: Pattern
    handler: Handler = attrs.field(validator=_check_handler)
    name: str | None = None
    subprotocols: tuple[str, ...] = attrs.field(default=(), converter=_subprotocols)
    origins: str | tuple[str, ...] | None = None
    compression: Deflate | None = attrs.field(default=None, validator=instance_of(Deflate, optional=True))
    limits: Limits | None = attrs.field(default=None, validator=instance_of(Limits, optional=True))

    @property
    def path(self) -> str:
        """The path as it was written, with prefixes."""
        return self.pattern.path

    def __str__(self) -> str:
        return f"WebSocket {self.path} ({handler_label(self.handler)})"


Route = HttpRoute | WebSocketRoute
