"""The URL of a WebSocket (RFC 6455 §3), and of one behind a Unix socket.

    ws://user:password@host:80/path?query      wss://[2001:db8::1]/
    ws+unix:///run/app.sock:/path?query        as Node.js writes it: the socket, a colon, the target
    ws+unix://%2Frun%2Fapp.sock/path?query     the socket as an escaped host

Browsers repair URLs, and so does `urllib.parse`: they drop spaces and line feeds, turn backslashes round,
and read `127.1` as an address. A URL that is made from a user's input can then lead to another host than the
one that the program has checked, or carry a header of its own. So nothing is repaired here. An `InvalidURL`
says how to write what was meant.

Two exceptions are harmless. In the target, characters that a URI cannot contain are escaped (RFC 3987 §3.1), and
a `%` that escapes nothing stays: some servers want it, and to them it is not part of an address.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

import attrs

from trioweb._wire.http1.authority import basic_credentials, invalid_url, parse_authority
from trioweb.errors import InvalidURL

DEFAULT_WS_PORTS = {"ws": 80, "wss": 443}
_UNIX_SCHEME = "ws+unix"
_SCHEMES_ADVICE = "expected ws://, wss:// or ws+unix://"

# RFC 3986, appendix B.
URL_PARTS = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.\-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?")
# Spaces, control characters and backslashes, see above; halves of surrogate pairs, which UTF-8 does not have.
NEVER_IN_URL = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\ufeff\ud800-\udfff]")

# What RFC 3986 allows in a path or a query, and `[` and `]`, which browsers leave as they are.
_SAFE_IN_TARGET = "%/?:@!$&'()*+,;=-._~[]"

# A redirect may have led to a path of any length that fits a head.
_SHOWN_PATH = 80


@attrs.frozen
class WebSocketURL:
    """Where a WebSocket is, and what the request for it says.

    Attributes:
        scheme: `"ws"`, `"wss"` or `"ws+unix"`.
        host: In lower case and ASCII, an IPv6 address without brackets; `"localhost"` for a Unix socket.
        port: The port, or the scheme's own.
        target: The path and the query, as the request line has them.
        unix_path: The path of the Unix socket, if it is one.
        authorization: The value of `Authorization` for the user in the URL (RFC 7617).
    """

    scheme: str
    host: str
    port: int
    target: str = "/"
    unix_path: str | None = None
    authorization: str | None = attrs.field(default=None, repr=False)

    def __str__(self) -> str:
        """Return a short form without the user and the query, which may be secret: texts of errors show it."""
        path, has_query, _ = self.target.partition("?")
        path = path if len(path) <= _SHOWN_PATH else f"{path[:_SHOWN_PATH]}..."
        return f"{self._start}{path}{'?...' if has_query else ''}"

    @property
    def without_user(self) -> str:
        """The URL without its user, which leads to the same place."""
        return f"{self._start}{self.target}"

    @property
    def _start(self) -> str:
        if self.unix_path is not None:
            return f"{_UNIX_SCHEME}://{quote(self.unix_path, safe='', errors='surrogateescape')}"
        host = f"[{self.host.replace('%', '%25')}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_WS_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def is_secure(self) -> bool:
        """Whether it is reached by TLS."""
        return self.scheme == "wss"

    @property
    def server_name(self) -> str:
        """The name that the server's certificate must have (RFC 6066 §3): without the dot of the root."""
        return self.host.partition("%")[0].removesuffix(".")

    @property
    def host_field(self) -> str:
        """The value of `Host`, without the port if it is the scheme's own (RFC 6455 §4.1)."""
        if self.unix_path is not None:
            return "localhost"  # a request must have the field (RFC 9112 §3.2), and a path is not a host
        has_usual_port = self.port == DEFAULT_WS_PORTS[self.scheme]
        return self._host_on_the_wire if has_usual_port else self.authority_with_port

    @property
    def authority_with_port(self) -> str:
        """The target of CONNECT, which always has a port (RFC 9110 §9.3.6)."""
        return f"{self._host_on_the_wire}:{self.port}"

    @property
    def _host_on_the_wire(self) -> str:
        # A zone means something on this machine only, and never leaves it (RFC 6874 §1).
        host = self.host.partition("%")[0]
        return f"[{host}]" if ":" in host else host

    @property
    def origin_key(self) -> tuple[object, ...]:
        """The origin, for comparisons: credentials for one URL may be sent to another of the same origin."""
        return self.scheme, self.host, self.port, self.unix_path


def parse_url(text: str) -> WebSocketURL:
    """Read the URL of a WebSocket.

    Args:
        text: `ws://`, `wss://` or `ws+unix://`; see the top of this file.

    Raises:
        InvalidURL: It is malformed, or not that of a WebSocket.
    """
    if not isinstance(text, str):
        raise InvalidURL(f"a URL is a str, not {type(text).__name__}")
    # As when the URL was read from a file. Browsers strip it; here the program can, if it means to.
    if text != text.strip():
        raise invalid_url(text, "begins or ends with white space")
    wrong = NEVER_IN_URL.search(text)
    if wrong is not None:
        escape = quote(wrong[0], safe="", errors="replace")
        raise invalid_url(
            text, f"contains {wrong[0]!r} at {wrong.start()}: expected an escape such as {escape}"
        )
    matched = URL_PARTS.fullmatch(text)
    assert matched is not None  # without line feeds, all texts match
    scheme, authority, path, query, fragment = matched.groups()
    if fragment is not None:
        raise invalid_url(text, "has a fragment, which a WebSocket cannot have: write %23 for a #")
    match (scheme or "").lower():
        case "ws" | "wss" as known if authority is not None:
            host, port, authorization = parse_authority(text, authority)
            target = composed_target(path, query)
            return WebSocketURL(
                known, host, port or DEFAULT_WS_PORTS[known], target, authorization=authorization
            )
        case "ws+unix":  # no standard has it: the colon is from Node.js, the escaped host from HTTP clients
            return _parse_unix(text, authority or "", path, query)
        case "http" | "https" as other:
            raise invalid_url(text, f"is for HTTP: write {other.replace('http', 'ws')}://")
        case _:
            raise invalid_url(text, f"is not that of a WebSocket: {_SCHEMES_ADVICE}")


def _parse_unix(text: str, authority: str, path: str, query: str | None) -> WebSocketURL:
    """Read either form of the URL of a Unix socket: with an authority, it is the socket; without, the path has both.

    The path of a socket is bytes, which need not be UTF-8; `surrogateescape` keeps the others, as `os.fsdecode` does.
    """
    userinfo, _, escaped = authority.rpartition("@")
    target = path
    if not escaped:
        escaped, _, target = path.partition(":")
    unix_path = unquote(escaped, errors="surrogateescape")
    if not unix_path.startswith("/") or "\0" in unix_path or (target and not target.startswith("/")):
        raise invalid_url(
            text,
            "does not name a Unix socket: expected ws+unix:///path/to.sock:/target"
            " or ws+unix://%2Fpath%2Fto.sock/target",
        )
    authorization = basic_credentials(text, userinfo) if userinfo else None
    return WebSocketURL(
        _UNIX_SCHEME, "localhost", 80, composed_target(target, query), unix_path, authorization=authorization
    )


def composed_target(path: str, query: str | None) -> str:
    """Return a request target, with the escapes that it lacks (RFC 3987 §3.1)."""
    target = path or "/"
    return quote(target if query is None else f"{target}?{query}", safe=_SAFE_IN_TARGET)
