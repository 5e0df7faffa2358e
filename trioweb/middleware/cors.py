"""Permission for pages of other origins to read responses (the Fetch standard, §3.2).

The browser enforces all of this. The server only states who may read, in fields of the response,
and a client that is not a browser ignores them. Errors get these fields as well: without them, a
page sees a failure without a status or a reason.

If the permission depends on the origin, so does the response, and `Vary: Origin` has to say so on
every response. A cache that stored a response without a permission, as the first visitor got it,
would otherwise give it to a page that has one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import attrs

from trioweb._web.request import Request
from trioweb._web.response import Response, Text
from trioweb._wire.origin import is_listed
from trioweb.config import parse_origins
from trioweb.errors import ConfigError
from trioweb.headers import MutableHeaders, is_token
from trioweb.middleware.chain import Next
from trioweb.middleware.vary import vary_on
from trioweb.validators import instance_of, whole_number

ANY = "*"

_EXAMPLES = {
    "methods": '["GET", "PUT"]',
    "headers": '["Content-Type", "Authorization"], or "*"',
    "exposed_headers": '["ETag"]',
}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def _read_origins(value: Any) -> str | tuple[str, ...]:
    # Checked first, because the error of `parse_origins` suggests None, which makes no sense here.
    is_list = isinstance(value, Iterable) and not isinstance(value, str)
    origins = parse_origins(cast("str | Iterable[str]", value)) if is_list or value == ANY else None
    if not origins:
        raise ConfigError(f'CORS.origins takes "*" or a list such as ["https://example.org"], not {value!r}')
    return origins


def _read_headers(value: str | Iterable[str]) -> tuple[str, ...]:
    return (ANY,) if value == ANY else _read_names(value)


def _read_names(value: str | Iterable[str]) -> tuple[str, ...]:
    # A string is iterable, and would become a list of its letters. The empty name is not a token, so
    # `_are_names` refuses it with an error that shows an example.
    return ("",) if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)


def _are_names(cors: CORS, attribute: attrs.Attribute[tuple[str, ...]], value: tuple[object, ...]) -> None:
    del cors
    if not all(isinstance(name, str) and is_token(name) for name in value):
        raise ConfigError(f"CORS.{attribute.name} takes a list of names such as {_EXAMPLES[attribute.name]}")


def _is_possible(cors: CORS, attribute: attrs.Attribute[bool], value: bool) -> None:
    del attribute
    if value and cors.origins == ANY:
        raise ConfigError(
            'CORS.credentials=True with origins="*" would let every page act in the name of its visitors '
            "(browsers refuse it, too): list the origins"
        )


@attrs.frozen(kw_only=True)
class CORS:
    """Allow pages of other origins to read this server's responses, including errors.

    Without it, browsers still send most requests, but hide the responses. So this layer
    only adds permissions; it protects nothing. Preflights (OPTIONS with
    `Access-Control-Request-Method`) are answered here, and no handler sees them. Handshakes are
    left alone: `Config.origins` decides which pages may open a WebSocket. A response that has
    `Access-Control-Allow-Origin` already keeps it.

    Args:
        origins: `"*"` for any page, or a list such as `["https://example.org"]`. Only `"*"`
            includes pages without an origin (`null`).
        methods: The methods allowed in addition to those of simple requests.
        headers: Request fields that a page may set, or `"*"` for any.
        exposed_headers: Response fields that a page may read besides the usual few.
        credentials: Whether the browser may send cookies, and show the page the response.
            Not with `"*"`.
        max_age_seconds: How long the browser remembers the response to a preflight.

    Raises:
        ConfigError: A value cannot work, or `credentials` come with `"*"`.
    """

    origins: str | tuple[str, ...] = attrs.field(converter=_read_origins)
    methods: tuple[str, ...] = attrs.field(default=_METHODS, converter=_read_names, validator=_are_names)
    headers: tuple[str, ...] = attrs.field(
        default=("Content-Type",), converter=_read_headers, validator=_are_names
    )
    exposed_headers: tuple[str, ...] = attrs.field(default=(), converter=_read_names, validator=_are_names)
    credentials: bool = attrs.field(default=False, validator=[instance_of(bool), _is_possible])
    max_age_seconds: int = attrs.field(default=600, validator=whole_number(0))

    async def __call__(self, request: Request, call_next: Next) -> Response:
        """Answer a preflight, or pass the request on and add the permission."""
        origin = request.headers.get("origin")
        asked_method = request.headers.get("access-control-request-method")
        if request.method == "OPTIONS" and origin is not None and asked_method is not None:
            return self._respond_to_preflight(request, origin)
        response = await call_next(request)
        if response.status >= 200:
            is_own = "access-control-allow-origin" in response.headers
            self._say_who_may(response.headers, origin, is_own=is_own)
        return response

    def _respond_to_preflight(self, request: Request, origin: str) -> Response:
        if not self._allows(origin):
            refusal = Text("Pages of this origin may not read responses from here (CORS.origins).\n", 403)
            vary_on(refusal.headers, "Origin")
            return refusal
        response = Response(status=204)
        self._say_who_may(response.headers, origin, is_own=False)
        response.headers["access-control-allow-methods"] = ", ".join(self.methods)
        allowed = self.headers
        if self.headers == (ANY,):
            # The requested names are repeated. A literal "*" does not include Authorization, and with
            # credentials it is not a wildcard at all.
            allowed = tuple(filter(is_token, request.headers.tokens("access-control-request-headers")))
            vary_on(response.headers, "Access-Control-Request-Headers")
        if allowed:
            response.headers["access-control-allow-headers"] = ", ".join(allowed)
        response.headers["access-control-max-age"] = str(self.max_age_seconds)
        return response

    def _say_who_may(self, headers: MutableHeaders, origin: str | None, *, is_own: bool) -> None:
        if self.origins != ANY:
            # Even if there is no origin or a wrong one: a cache must not give that response to other pages.
            vary_on(headers, "Origin")
        if is_own or not self._allows(origin):
            return
        headers["access-control-allow-origin"] = ANY if self.origins == ANY or origin is None else origin
        if self.credentials:
            headers["access-control-allow-credentials"] = "true"
        if self.exposed_headers:
            headers["access-control-expose-headers"] = ", ".join(self.exposed_headers)

    def _allows(self, origin: str | None) -> bool:
        if isinstance(self.origins, str):
            return True
        return origin is not None and is_listed(origin, self.origins)
