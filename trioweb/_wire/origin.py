"""Which pages may open a WebSocket here (RFC 6455 §10.2, RFC 6454)."""

from __future__ import annotations

import re
from functools import lru_cache

from trioweb._wire.request_head import RequestHead
from trioweb.errors import HandshakeRejected

_HOST = r"(\[[0-9a-f:.]+\]|[^\s/?#@:,\[\]\\]+)(?::([0-9]{1,5}))?"
_ORIGIN = re.compile(r"([a-z][a-z0-9+.\-]*)://" + _HOST)
_AUTHORITY = re.compile(_HOST)

_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}

_Origin = tuple[str, str, int | None]


def check_origin(
    head: RequestHead, allowed: str | tuple[str, ...] | None, *, scheme: str, host: str | None = None
) -> None:
    """Refuse a handshake from a page that may not open a WebSocket here.

    Cookies go with a handshake from any page, so without this check every page that
    somebody visits could speak in their name. A peer that sends no `Origin` is no browser.

    Args:
        head: The handshake.
        allowed: `None` for pages of the same origin, `"*"` for any, or origins.
        scheme: How the client came here, as far as it is known.
        host: The host and port that the client used, if that is not in `Host`: a trusted
            proxy may say.

    Raises:
        HandshakeRejected: 403.
    """
    if allowed == "*":
        return
    lines = head.headers.get_all("origin")
    if not lines:
        return
    origin = _parse(lines[0]) if len(lines) == 1 else None  # "null" is no origin either
    if origin is None:
        raise _refusal("its Origin is not one scheme://host")
    if isinstance(allowed, tuple):
        if not is_listed(lines[0], allowed):
            raise _refusal(f"{lines[0]} is not among the allowed origins")
    elif not _is_same(origin, head.headers.get("host", "") if host is None else host, scheme):
        raise _refusal(f"{lines[0]} is not the origin of this server")


def is_listed(origin: str, allowed: tuple[str, ...]) -> bool:
    """Say whether the value of an Origin field is one of these origins."""
    return _parse(origin) in _parsed(allowed)


def _is_same(origin: _Origin, authority: str, scheme: str) -> bool:
    """Compare with the authority that was asked for.

    Behind a proxy that ends TLS this side sees http where the browser saw https, so http
    proves nothing, and a missing port stands for the default one of the page's scheme.
    That it was https is certain where it is known, and an http page is then another origin.
    """
    page_scheme, page_host, page_port = origin
    if scheme in {"https", "wss"} and page_scheme != "https":
        return False
    match = _AUTHORITY.fullmatch(authority.lower())
    if match is None or page_host != match[1]:
        return False
    return page_port == (int(match[2]) if match[2] else _DEFAULT_PORTS.get(page_scheme))


def _parse(text: str) -> _Origin | None:
    match = _ORIGIN.fullmatch(text.lower())
    if match is None:
        return None
    scheme, host, port = match.groups()
    return scheme, host, int(port) if port else _DEFAULT_PORTS.get(scheme)


@lru_cache(maxsize=64)
def _parsed(allowed: tuple[str, ...]) -> frozenset[_Origin | None]:
    """Bring a setting, of which a program has a few, to the form that is compared."""
    return frozenset(map(_parse, allowed)) - {None}


def _refusal(problem: str) -> HandshakeRejected:
    return HandshakeRejected(
        403,
        f"This page may not open a WebSocket here: {problem}."
        " Allow it by origins=[...] of the route, or Config.origins.",
    )
