"""Redirects of a handshake: where they lead to, and what must not be sent there (RFC 9110 §15.4).

They are followed only if the program asks for it. RFC 6455 leaves that open (§4.1), and browsers follow none:
a page that has checked the URL must not talk to another host.

A server chooses where a redirect leads to, so it may not lead everywhere. A Unix socket is on the machine of the
client, where the server has no business. And on the way from `wss` to `ws`, anybody in between could read and
change what the program meant to encrypt.
"""

from __future__ import annotations

import attrs

from trioweb._wire.websocket_url import (
    DEFAULT_WS_PORTS,
    NEVER_IN_URL,
    URL_PARTS,
    WebSocketURL,
    composed_target,
    parse_url,
)
from trioweb.errors import BadHandshake, HandshakeRejected, InvalidURL
from trioweb.excerpts import shown_url
from trioweb.header_mapping import Headers, HeaderSource

# A handshake is a GET, so that these five mean the same. 300 leaves the choice to people, 304 answers a
# condition, and 305 and 306 are of the past.
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

# `Host` is here too: one that the program has set is a name of the first server.
_SECRETS = frozenset({"authorization", "cookie", "host", "proxy-authorization"})


def redirected(url: WebSocketURL, answer: HandshakeRejected) -> WebSocketURL | None:
    """Return where an answer to a handshake leads to, or `None` if it is not a redirect.

    Args:
        url: Where the handshake was sent to.
        answer: The server's response.

    Raises:
        BadHandshake: It leads to where no WebSocket is, from `wss` to `ws`, or to a Unix socket.
    """
    locations = answer.headers.get_all("location")
    if answer.status not in _REDIRECTS or len(locations) != 1:
        return None
    return resolve(url, locations[0])


def headers_for(origin: WebSocketURL, target: WebSocketURL, headers: HeaderSource) -> Headers:
    """Return those of the program's headers that may be sent after a redirect.

    Credentials were given for one origin. From another one, its owner could use them (RFC 9110 §15.4).

    Args:
        origin: The URL for which the headers were given.
        target: Where the redirect leads to.
        headers: The program's own.
    """
    lines = Headers(headers).lines()
    if origin.origin_key == target.origin_key:
        return Headers(lines)
    return Headers([(name, value) for name, value in lines if name.lower() not in _SECRETS])


def resolve(url: WebSocketURL, location: str) -> WebSocketURL:
    """Return the URL that a location means (RFC 9110 §10.2.2); `http` and `https` mean `ws` and `wss`.

    The user of the old URL is kept within its origin only.

    Args:
        url: Where the handshake was sent to.
        location: The value of `Location`.

    Raises:
        BadHandshake: It is not a URL of a WebSocket, or it leads from `wss` to `ws`, or to a Unix socket.
    """
    location = _as_utf8(location)
    matched = URL_PARTS.fullmatch(location)
    if matched is None or NEVER_IN_URL.search(location):
        raise _bad_location(url, location, "which is not a URL")
    # The fragment stays here: only a browser that shows a page needs it.
    scheme, authority, path, query, _ = matched.groups()
    if scheme is None and authority is None:
        return attrs.evolve(url, target=_relative_target(url.target, path, query))
    # A location that names a host is a URL like any other, and parsed like one.
    scheme = (scheme or ("wss" if url.is_secure else "ws")).lower()
    scheme = {"http": "ws", "https": "wss"}.get(scheme, scheme)
    if scheme not in DEFAULT_WS_PORTS:
        raise _bad_location(url, location, "which is not the URL of a WebSocket on the network")
    if url.is_secure and scheme == "ws":
        raise _bad_location(url, location, "and a redirect from wss to ws is never followed")
    text = f"{scheme}://{authority or ''}{path}"
    try:
        target = parse_url(text if query is None else f"{text}?{query}")
    except InvalidURL as error:
        raise _bad_location(url, location, str(error)) from None
    return _within_origin(url, target)


def _relative_target(base: str, path: str, query: str | None) -> str:
    """Return the target of a relative location (RFC 3986 §5.2); `urljoin` would drop empty segments."""
    base_path, _, base_query = base.partition("?")
    if not path:
        return composed_target(base_path, (base_query or None) if query is None else query)
    if not path.startswith("/"):
        path = base_path[: base_path.rindex("/") + 1] + path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")  # it names a folder
    return composed_target(f"/{'/'.join(kept)}", query)


def _within_origin(url: WebSocketURL, target: WebSocketURL) -> WebSocketURL:
    """Keep the user of the old URL, and its Unix socket, if the redirect stays where they belong."""
    if url.unix_path is not None and not target.is_secure and target.host_field == url.host_field:
        return attrs.evolve(url, target=target.target)  # a server there knows no better name for itself
    if target.origin_key == url.origin_key and target.authorization is None:
        return attrs.evolve(target, authorization=url.authorization)
    return target


def _as_utf8(value: str) -> str:
    """Read a field that was decoded as latin-1 as UTF-8, as browsers do, if it is valid."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _bad_location(url: WebSocketURL, location: str, problem: str) -> BadHandshake:
    return BadHandshake(f"{url} redirects to {shown_url(location)}, {problem}")
