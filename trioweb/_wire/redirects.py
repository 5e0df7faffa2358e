"""Redirects of a handshake: where they lead to, and what must not be sent there (RFC 9110 §15.4).

They are followed only if the program asks for it. RFC 6455 leaves that open (§4.1), and browsers follow none:
a page that has checked the URL must not talk to another host.
"""

from __future__ import annotations

from trioweb._wire.websocket_url import WebSocketURL
from trioweb.errors import HandshakeRejected
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
        answer: What the server has sent.

    Raises:
        BadHandshake: It leads to where no WebSocket is, from `wss` to `ws`, or to a Unix socket.
    """
    locations = answer.headers.get_all("location")
    if answer.status not in _REDIRECTS or len(locations) != 1:
        return None
    return url.resolve(locations[0])


def headers_for(origin: WebSocketURL, target: WebSocketURL, headers: HeaderSource) -> Headers:
    """Return those of the program's headers that may be sent after a redirect.

    Credentials were given for one origin. From another one, its owner could use them (RFC 9110 §15.4).

    Args:
        origin: The URL for which the headers were given.
        target: Where the redirect leads to.
        headers: What the program has given.
    """
    lines = Headers(headers).lines()
    if origin.origin_key == target.origin_key:
        return Headers(lines)
    return Headers([(name, value) for name, value in lines if name.lower() not in _SECRETS])
