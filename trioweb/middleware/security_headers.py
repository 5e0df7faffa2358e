"""Header fields that make browsers restrict a page."""

from __future__ import annotations

import attrs

from trioweb._web.request import Request
from trioweb._web.response import Response
from trioweb.errors import ConfigError, LocalProtocolError
from trioweb.headers import check_field
from trioweb.middleware.chain import Next

_NAMES = {
    "content_type_options": "X-Content-Type-Options",
    "referrer_policy": "Referrer-Policy",
    "frame_options": "X-Frame-Options",
    "cross_origin_opener_policy": "Cross-Origin-Opener-Policy",
    "content_security_policy": "Content-Security-Policy",
    "permissions_policy": "Permissions-Policy",
    "strict_transport_security": "Strict-Transport-Security",
}
_ONLY_HTTPS = "Strict-Transport-Security"
_POLICY = "base-uri 'self'; frame-ancestors 'none'; object-src 'none'"


def _checked_fields(settings: SecurityHeaders) -> tuple[tuple[str, str], ...]:
    fields: list[tuple[str, str]] = []
    for setting, name in _NAMES.items():
        value: str | None = getattr(settings, setting)
        if value is not None:
            try:
                check_field(name, value)
            except LocalProtocolError as error:
                raise ConfigError(f"SecurityHeaders.{setting}: {error}") from error
            fields.append((name, value))
    return tuple(fields)


@attrs.frozen(kw_only=True)
class SecurityHeaders:
    """Add fields that make browsers stricter; a field that a response already has is kept.

    Every response gets them: pages, streams, files, 304 and errors. An accepted handshake gets
    none, because browsers ignore them there. `None` leaves a field out.

    Args:
        content_type_options: Makes browsers trust Content-Type instead of guessing.
        referrer_policy: How much of a page's address other sites get to see.
        frame_options: Which pages may show this one in a frame, for old browsers; new ones use
            `frame-ancestors` of the content security policy.
        cross_origin_opener_policy: Whether pages of other sites share a browsing context
            with windows that this one opens; a login in a pop-up may need
            `"same-origin-allow-popups"`.
        content_security_policy: The content that a page may load. The default forbids only
            things that few pages need: being framed, plugins, and a `<base>` on another origin.
            It allows inline scripts, so write a stricter policy if you can.
        permissions_policy: Which abilities, such as the camera, a page may use.
        strict_transport_security: For how long browsers use nothing but https for this
            host; only sent over https (RFC 6797 §7.2).

    Raises:
        ConfigError: A value is not legal in a header field.
    """

    content_type_options: str | None = "nosniff"
    referrer_policy: str | None = "strict-origin-when-cross-origin"
    frame_options: str | None = "DENY"
    cross_origin_opener_policy: str | None = "same-origin"
    content_security_policy: str | None = _POLICY
    permissions_policy: str | None = None
    strict_transport_security: str | None = "max-age=31536000"
    _fields: tuple[tuple[str, str], ...] = attrs.field(
        init=False, repr=False, eq=False, default=attrs.Factory(_checked_fields, takes_self=True)
    )

    async def __call__(self, request: Request, call_next: Next) -> Response:
        """Pass the request on, and add the fields to the response."""
        response = await call_next(request)
        if response.status >= 200:
            for name, value in self._fields:
                if name != _ONLY_HTTPS or request.scheme == "https":
                    response.headers.setdefault(name, value)
        return response
