"""The URL of a WebSocket (RFC 6455 §3), and of one behind a Unix socket.

    ws://user:password@host:80/path?query      wss://[2001:db8::1]/
    ws+unix:///run/app.sock:/path?query        as Node.js writes it: the socket, a colon, the target
    ws+unix://%2Frun%2Fapp.sock/path?query     the socket as an escaped host

Browsers repair URLs, and so does `urllib.parse`: they drop spaces and line feeds, turn backslashes round,
and read `127.1` as an address. A URL that is made of somebody's input can then lead to another host than the
one that the program has checked, or carry a header of its own. So nothing is repaired here. An `InvalidURL`
says how to write what was meant.

The exceptions harm nobody. In the target, characters that a URI cannot contain are escaped (RFC 3987 §3.1), and
a `%` that escapes nothing stays: some servers want it, and to them it is not part of an address.
"""

from __future__ import annotations

import re
from base64 import b64encode
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, unquote, unquote_to_bytes

import attrs

from trioweb.errors import BadHandshake, InvalidURL
from trioweb.excerpts import excerpt

_DEFAULT_WS_PORTS = {"ws": 80, "wss": 443}
_UNIX_SCHEME = "ws+unix"
_SCHEMES_ADVICE = "expected ws://, wss:// or ws+unix://"

# RFC 3986, appendix B.
_URL = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.\-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?")
# Spaces, control characters and backslashes, see above; halves of surrogate pairs, which UTF-8 does not have.
_NEVER_IN_URL = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\ufeff\ud800-\udfff]")
_HOST_AND_PORT_OF_URL = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]*))?")
# RFC 3986 §3.2.2 without escapes, for which no name of a host has a use.
_REGISTERED_NAME = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=]+")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # the URL standard of browsers: "ends in a number"
_ZONE = re.compile(r"[A-Za-z0-9\-._~]+")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_HIGHEST_TCP_PORT = 65535
_LABEL_CHARACTERS, _HOST_CHARACTERS = 63, 253  # RFC 1035 §2.3.4

# What RFC 3986 allows in a path or a query, and `[` and `]`, which browsers leave as they are.
_SAFE_IN_TARGET = "%/?:@!$&'()*+,;=-._~[]"

# A redirect may have led to a path of any length that fits a head.
_SHOWN_PATH = 80
_SHOWN_PROBLEM = 200


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
        port = "" if self.port == _DEFAULT_WS_PORTS[self.scheme] else f":{self.port}"
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
        has_usual_port = self.port == _DEFAULT_WS_PORTS[self.scheme]
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
        """Two URLs with the same are of one origin: what is secret to the one may be sent to the other."""
        return self.scheme, self.host, self.port, self.unix_path

    def resolve(self, location: str) -> WebSocketURL:
        """Return where a redirect leads to (RFC 9110 §10.2.2); `http` and `https` mean `ws` and `wss`.

        The user of this URL is kept within its origin only.

        Args:
            location: The value of `Location`.

        Raises:
            BadHandshake: It is not a URL of a WebSocket, or it leads from `wss` to `ws`, or to a Unix socket.
        """
        location = _as_utf8(location)
        matched = _URL.fullmatch(location)
        if matched is None or _NEVER_IN_URL.search(location):
            raise self._bad_location(location, "which is not a URL")
        # The fragment stays here: only a browser that shows a page needs it (RFC 9110 §10.2.2).
        scheme, authority, path, query, _ = matched.groups()
        if scheme is None and authority is None:
            return attrs.evolve(self, target=self._target_of(path, query))
        # A location that names a host is a URL like any other, and parsed like one.
        scheme = (scheme or ("wss" if self.is_secure else "ws")).lower()
        scheme = {"http": "ws", "https": "wss"}.get(scheme, scheme)
        if scheme not in _DEFAULT_WS_PORTS:
            raise self._bad_location(location, "which is not the URL of a WebSocket on the network")
        if self.is_secure and scheme == "ws":
            raise self._bad_location(location, "and a redirect from wss to ws is never followed")
        text = f"{scheme}://{authority or ''}{path}"
        try:
            url = parse_url(text if query is None else f"{text}?{query}")
        except InvalidURL as error:
            raise self._bad_location(location, str(error)) from None
        return self._as_same_origin(url)

    def _target_of(self, path: str, query: str | None) -> str:
        """Return the target of a relative location (RFC 3986 §5.2); `urljoin` would drop empty segments."""
        own_path, _, own_query = self.target.partition("?")
        if not path:
            return _target(own_path, own_query or None if query is None else query)
        if not path.startswith("/"):
            path = own_path[: own_path.rindex("/") + 1] + path
        kept: list[str] = []
        segments = path.split("/")[1:]
        for segment in segments:
            if segment == "..":
                del kept[-1:]
            elif segment != ".":
                kept.append(segment)
        if segments[-1] in {".", ".."}:
            kept.append("")  # it names a folder
        return _target(f"/{'/'.join(kept)}", query)

    def _as_same_origin(self, url: WebSocketURL) -> WebSocketURL:
        """Add what this URL knows, if the redirect stays within its origin."""
        if self.unix_path is not None and not url.is_secure and url.host_field == self.host_field:
            url = attrs.evolve(self, target=url.target)  # a server there knows no better name for itself
        if url.origin_key == self.origin_key and url.authorization is None:
            return attrs.evolve(url, authorization=self.authorization)
        return url

    def _bad_location(self, location: str, problem: str) -> BadHandshake:
        return BadHandshake(f"{self} redirects to {shown_url(location)}, {problem}")


def parse_url(text: str) -> WebSocketURL:
    """Read the URL of a WebSocket.

    Args:
        text: `ws://`, `wss://` or `ws+unix://`; see the top of this file.

    Raises:
        InvalidURL: It is another one, or malformed.
    """
    if not isinstance(text, str):
        raise InvalidURL(f"a URL is a str, not {type(text).__name__}")
    # As when the URL was read from a file. Browsers strip it; here the program can, if it means to.
    if text != text.strip():
        raise _invalid(text, "begins or ends with white space")
    wrong = _NEVER_IN_URL.search(text)
    if wrong is not None:
        escape = quote(wrong[0], safe="", errors="replace")
        raise _invalid(text, f"contains {wrong[0]!r} at {wrong.start()}: expected an escape such as {escape}")
    matched = _URL.fullmatch(text)
    assert matched is not None  # without line feeds, all texts match
    scheme, authority, path, query, fragment = matched.groups()
    if fragment is not None:
        raise _invalid(text, "has a fragment, which a WebSocket cannot have: write %23 for a #")
    match (scheme or "").lower():
        case "ws" | "wss" as known if authority is not None:
            host, port, authorization = parse_authority(text, authority)
            target = _target(path, query)
            return WebSocketURL(
                known, host, port or _DEFAULT_WS_PORTS[known], target, authorization=authorization
            )
        case "ws+unix":  # no standard has it: the colon is from Node.js, the escaped host from HTTP clients
            return _parse_unix(text, authority or "", path, query)
        case "http" | "https" as other:
            raise _invalid(text, f"is one of HTTP: write {other.replace('http', 'ws')}://")
        case _:
            raise _invalid(text, f"is not one of a WebSocket: {_SCHEMES_ADVICE}")


def parse_authority(text: str, authority: str) -> tuple[str, int | None, str | None]:
    """Return the host, the port and the value of `Authorization` in the authority of a URL.

    Args:
        text: The URL, for the text of an error.
        authority: What is between `//` and the path.

    Raises:
        InvalidURL: It is malformed.
    """
    # At the last @, as in browsers. At the first, `ws://a@b@c` would lead to another host than in all of them.
    userinfo, at, rest = authority.rpartition("@")
    matched = _HOST_AND_PORT_OF_URL.fullmatch(rest)
    if matched is None:
        raise _invalid(text, "has a host that is not a name, an IPv4 address or an IPv6 address in brackets")
    host, digits = matched.groups()
    port = int(digits[-6:]) if digits else None  # `int` takes time for thousands of digits, or refuses them
    if port is not None and (not 0 < port <= _HIGHEST_TCP_PORT or digits[:-6].strip("0")):
        raise _invalid(text, f"has a port that is not one from 1 to {_HIGHEST_TCP_PORT}")
    parsed = _parse_version_6(text, host[1:-1]) if host.startswith("[") else _parse_name(text, host)
    return parsed, port, _basic(text, userinfo) if at and userinfo else None


def _parse_version_6(text: str, inside: str) -> str:
    # `%25` is the escape of RFC 6874 §2; the bare `%` is what all other programs show and take.
    address, percent, zone = inside.partition("%")
    zone = zone.removeprefix("25")
    try:
        IPv6Address(address)
    except ValueError as error:
        raise _invalid(text, f"has an invalid IPv6 address: {error}") from None
    if percent and not _ZONE.fullmatch(zone):
        raise _invalid(text, "has an invalid zone of its IPv6 address")
    return address.lower() + (f"%{zone}" if percent else "")


def _parse_name(text: str, name: str) -> str:
    if not name:
        raise _invalid(text, "does not have a host")
    host = (name if name.isascii() else _in_ascii(text, name)).lower()
    if not _REGISTERED_NAME.fullmatch(host):
        raise _invalid(text, "has a host with characters that a name cannot have")
    labels = host.removesuffix(".").split(".")
    # The resolver would refuse them as well, but with a `UnicodeError`, and only after a while.
    if len(host) > _HOST_CHARACTERS or not all(0 < len(label) <= _LABEL_CHARACTERS for label in labels):
        raise _invalid(
            text,
            f"has a host that is not a name: at most {_HOST_CHARACTERS} characters,"
            f" with 1 to {_LABEL_CHARACTERS} between two dots",
        )
    if _NUMBER.fullmatch(labels[-1]):
        _check_version_4(text, host)
    return host


def _check_version_4(text: str, host: str) -> None:
    """Refuse the old forms of addresses, as `127.1`, `0x7f.1` and `010.0.0.1`.

    No name ends in a number, so resolvers take such a host for an address, and each in its own way. A
    check that looks for `127.` or `10.` would miss it.
    """
    try:
        IPv4Address(host)
    except ValueError as error:
        raise _invalid(text, f"has an invalid IPv4 address: {error}") from None


def _in_ascii(text: str, name: str) -> str:
    """Return an internationalised name as browsers do (UTS 46).

    Python's own codec follows the older IDNA 2003. It turns `ß` into `ss`, and leads to another host.
    Trio looks up names with `idna` too, so it is always installed.
    """
    import idna  # only here: its tables take 10 ms, and few URLs need them

    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise _invalid(
            text, f"has a host that is not a valid internationalised name, nor in ASCII (xn--...): {error}"
        ) from None


def _basic(text: str, userinfo: str) -> str:
    if "[" in userinfo or "]" in userinfo:  # other parsers look for an address between them
        raise _invalid(text, "has a user or password with a bracket: write %5B or %5D")
    user, _, password = userinfo.partition(":")
    # As bytes: escapes may hold any, and RFC 7617 §2.1 leaves the charset to the two sides.
    decoded_user, decoded_password = unquote_to_bytes(user), unquote_to_bytes(password)
    if b":" in decoded_user or _CONTROL.search(decoded_user + decoded_password):  # RFC 7617 §2
        raise _invalid(text, "has a user with a colon, or a user or password with control characters")
    return "Basic " + b64encode(decoded_user + b":" + decoded_password).decode("ascii")


def _parse_unix(text: str, authority: str, path: str, query: str | None) -> WebSocketURL:
    userinfo, _, escaped = authority.rpartition("@")
    target = path
    if not escaped:
        escaped, _, target = path.partition(":")
    unix_path = unquote(escaped, errors="surrogateescape")
    if not unix_path.startswith("/") or "\0" in unix_path or (target and not target.startswith("/")):
        raise _invalid(
            text,
            "does not name a Unix socket: expected ws+unix:///path/to.sock:/target"
            " or ws+unix://%2Fpath%2Fto.sock/target",
        )
    authorization = _basic(text, userinfo) if userinfo else None
    return WebSocketURL(
        _UNIX_SCHEME, "localhost", 80, _target(target, query), unix_path, authorization=authorization
    )


def _target(path: str, query: str | None) -> str:
    return _escaped_target((path or "/") if query is None else f"{path or '/'}?{query}")


def _escaped_target(target: str) -> str:
    return quote(target, safe=_SAFE_IN_TARGET)


def _as_utf8(value: str) -> str:
    """Read a field that was decoded as latin-1 as UTF-8, as browsers do, if it is valid."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _invalid(text: str, problem: str) -> InvalidURL:
    return InvalidURL(f"the URL {shown_url(text)} {problem[:_SHOWN_PROBLEM]}")


def shown_url(text: str) -> str:
    """Return a short form of any URL for an error, without a user or a query, which must not get into a log."""
    shown, has_query, _ = re.sub(r"//.*@", "//...@", text, flags=re.DOTALL).partition("?")
    return excerpt(f"{shown}?..." if has_query else shown)
