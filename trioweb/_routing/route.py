"""Routes: a pattern, its handler, and the options of its decorator."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from trioweb._routing.handler import Handler, check_is_async
from trioweb._routing.pattern import Pattern
from trioweb.config import Deflate, Limits
from trioweb.errors import SetupError
from trioweb.headers import is_token
from trioweb.signatures import label
from trioweb.validators import instance_of


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
    """A path that answers plain HTTP requests.

    Attributes:
        pattern: The path, with the prefixes of the routers above.
        handler: The async callable that was decorated.
        methods: In upper case. A route with GET answers HEAD too, although HEAD is not in here.
        name: The explicit name; without one, the route is found by its handler's.
        limits: `None` for the application's.
    """

    pattern: Pattern
    handler: Handler = attrs.field(validator=check_is_async)
    methods: frozenset[str] = attrs.field(converter=_methods)
    name: str | None = None
    limits: Limits | None = attrs.field(default=None, validator=instance_of(Limits, optional=True))

    @property
    def path(self) -> str:
        """The path as it was written, with prefixes."""
        return self.pattern.path

    @property
    def first_parameter(self) -> str:
        """The usual name of the handler's first parameter."""
        return "request"

    def __str__(self) -> str:
        return f"{', '.join(sorted(self.methods))} {self.path} ({label(self.handler)})"


@attrs.frozen(eq=False, kw_only=True)
class WebSocketRoute:
    """A path that answers WebSocket handshakes.

    Attributes:
        pattern: The path, with the prefixes of the routers above.
        handler: The async callable that was decorated.
        name: The explicit name; without one, the route is found by its handler's.
        subprotocols: The subprotocols of the handler, most preferred first (RFC 6455 §1.9).
        origins: As in `Config.origins`, parsed; `None` for the application's.
        compression: `None` for the application's.
        limits: `None` for the application's.
    """

    pattern: Pattern
    handler: Handler = attrs.field(validator=check_is_async)
    name: str | None = None
    subprotocols: tuple[str, ...] = attrs.field(default=(), converter=_subprotocols)
    origins: str | tuple[str, ...] | None = None
    compression: Deflate | None = attrs.field(default=None, validator=instance_of(Deflate, optional=True))
    limits: Limits | None = attrs.field(default=None, validator=instance_of(Limits, optional=True))

    @property
    def path(self) -> str:
        """The path as it was written, with prefixes."""
        return self.pattern.path

    @property
    def first_parameter(self) -> str:
        """The usual name of the handler's first parameter."""
        return "ws"

    def __str__(self) -> str:
        return f"WebSocket {self.path} ({label(self.handler)})"


Route = HttpRoute | WebSocketRoute
