"""Which pages may open a WebSocket here (RFC 6455 §10.2, RFC 6454)."""

from __future__ import annotations

import re
from functools import lru_cache

from trioweb._wire.http1.request_head import RequestHead
from trioweb.errors import HandshakeRejected

_HOST_PATTERN = r"(\[[0-9a-f:.]+\]|[^\s/?#@:,\[\]\\]+)(?::([0-9]{1,5}))?"
_PAGE_ORIGIN = re.compile(r"([a-z][a-z0-9+.\-]*)://" + _HOST_PATTERN)
_HOST_AND_PORT = re.compile(_HOST_PATTERN)

_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}

_Origin = tuple[str, str, int | None]


def check_origin(
    head: RequestHead, allowed: str | tuple[str, ...] | None, *, scheme: str, host: str | None = None
) -> None:
    """Refuse a handshake from a page that may not open a WebSocket here.

    Browsers send cookies with a handshake from any page. Without this check, every page that
    somebody visits could speak in their name. A peer without `Origin` is not a browser, and has
    no cookies but its own.

    Args:
        head: The handshake.
        allowed: `None` for pages of the same origin, `"*"` for any page, or a list of origins.
        scheme: How the client connected, as far as that is known.
        host: The host and port that the client used, if a trusted proxy names them instead of
            `Host`.

    Raises:
        HandshakeRejected: 403.
    """
    if allowed == "*":
        return
    lines = head.headers.get_all("origin")
    if not lines:
        return
    origin = _parse(lines[0]) if len(lines) == 1 else None  # nor is "null" an origin
    if origin is None:
        raise _refused_origin("its Origin is not one scheme://host")
    if isinstance(allowed, tuple):
        if not is_listed(lines[0], allowed):
            raise _refused_origin(f"{lines[0]} is not among the allowed origins")
    elif not _is_origin_of(origin, head.headers.get("host", "") if host is None else host, scheme):
        raise _refused_origin(f"{lines[0]} is not the origin of this server")


def is_listed(origin: str, allowed: tuple[str, ...]) -> bool:
    """Return whether the value of an Origin field is one of these origins."""
    return _parse(origin) in _parsed(allowed)


def _is_origin_of(origin: _Origin, authority: str, scheme: str) -> bool:
    """Compare a page's origin with the authority that the handshake asks for.

    Behind a proxy that ends TLS, this side sees http where the browser used https. So http
    proves nothing, and a missing port means the default of the page's own scheme. But https, where
    it is known, is certain: then an http page is of another origin.
    """
    page_scheme, page_host, page_port = origin
    if scheme in {"https", "wss"} and page_scheme != "https":
        return False
    match = _HOST_AND_PORT.fullmatch(authority.lower())
    if match is None or page_host != match[1]:
        return False
    return page_port == (int(match[2]) if match[2] else _DEFAULT_PORTS.get(page_scheme))


def _parse(text: str) -> _Origin | None:
    match = _PAGE_ORIGIN.fullmatch(text.lower())
    if match is None:
        return None
    scheme, host, port = match.groups()
    return scheme, host, int(port) if port else _DEFAULT_PORTS.get(scheme)


@lru_cache(maxsize=64)
def _parsed(allowed: tuple[str, ...]) -> frozenset[_Origin | None]:
    """Parse a setting once; a program has only a few of them."""
    return frozenset(map(_parse, allowed)) - {None}


def _refused_origin(problem: str) -> HandshakeRejected:
    return HandshakeRejected(
        403,
        f"This page may not open a WebSocket here: {problem}."
        " Allow it by origins=[...] of the route, or Config.origins.",
    )
