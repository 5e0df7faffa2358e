"""Who the client is when a proxy stands in between.

A field such as X-Forwarded-For is a list to which each proxy adds, at its right end, the
address that it saw. Whatever a client sends itself stands to the left. So the list is
walked from the right as long as the one who wrote is trusted; the first address that
is not a trusted proxy's is the client. What nobody trusted wrote is never looked at.

When a trusted proxy's word cannot be read, or two fields contradict each other (one may
be the client's own, passed through), the client is unknown, `None`. It must not become
the proxy's own address, which may be allowed more than strangers are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

import attrs

from trioweb._web.address import Address
from trioweb._web.forwarded import Hop, parse_forwarded, parse_x_forwarded
from trioweb._web.host import parse_host
from trioweb.config import UNIX, parse_network
from trioweb.headers import Headers

_FIELDS = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")
_SCHEMES = {"http": "http", "ws": "http", "https": "https", "wss": "https"}
_NODE = re.compile(r"(?:([0-9.]{7,15})|\[([0-9A-Fa-f:.]{2,45})\])(?::([0-9]{1,5}|_[A-Za-z0-9._-]+))?")

_IP = IPv4Address | IPv6Address


@attrs.define
class Forwarding:
    """How a request looked where it came in.

    Attributes:
        client: Who sent it; `None` on a Unix socket, or when nobody can tell.
        scheme: `"http"` or `"https"`.
        host: The Host field that the client sent.
        is_anonymous: Whether a proxy was to name the client, and could not.
    """

    client: Address | None
    scheme: str
    host: str
    is_anonymous: bool = attrs.field(default=False, kw_only=True)


class TrustedProxies:
    """Tells clients from the proxies in front of the server.

    Args:
        networks: Addresses and networks, `"10.0.0.0/8"` or `"::1"`; `"unix"` for peers on
            a Unix socket.

    Raises:
        ConfigError: One of them is neither.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        entries = tuple(networks)
        self._trusts_unix = UNIX in entries
        self._networks = [parse_network(entry) for entry in entries if entry != UNIX]

    def resolve(self, peer: Address | None, headers: Headers, scheme: str) -> Forwarding:
        """Say who sent a request, how, and to which host.

        Args:
            peer: The other end of the socket; `None` on a Unix socket.
            headers: The request's.
            scheme: `"https"` when the socket itself is encrypted, else `"http"`.
        """
        direct = Forwarding(peer, scheme, headers.get("host", ""))
        if not self.trusts(peer):
            return direct
        told = [self._walk(direct, hops) for hops in _claims(headers)]
        if not told:
            return direct
        return told[0] if all(one == told[0] for one in told) else _anonymous(direct)

    def _walk(self, direct: Forwarding, hops: list[Hop] | None) -> Forwarding:
        if hops is None:
            return _anonymous(direct)
        client, scheme, host = direct.client, direct.scheme, direct.host
        is_anonymous = False
        for hop in reversed(hops):
            scheme = _SCHEMES.get(hop.scheme.lower(), scheme)
            host = host if parse_host(hop.host) is None else hop.host
            # A proxy that names nobody vouches for nobody: what stands further left stays unread.
            if not hop.client:
                break
            client = _node(hop.client)
            is_anonymous = client is None
            if client is None or not self._trusts(ip_of(client.host)):
                break
        return Forwarding(client, scheme, host, is_anonymous=is_anonymous)

    def trusts(self, peer: Address | None) -> bool:
        """Say whether the other end of a socket is a trusted proxy."""
        if peer is None:
            return self._trusts_unix
        return bool(self._networks) and self._trusts(ip_of(peer.host))

    def _trusts(self, ip: _IP | None) -> bool:
        return ip is not None and any(ip in network for network in self._networks)


def _anonymous(direct: Forwarding) -> Forwarding:
    return attrs.evolve(direct, client=None, is_anonymous=True)


def _claims(headers: Headers) -> list[list[Hop] | None]:
    """Return what each of the two kinds of field says, if it is there."""
    claims: list[list[Hop] | None] = []
    if "forwarded" in headers:
        claims.append(parse_forwarded(headers["forwarded"]))
    if any(field in headers for field in _FIELDS):
        client, scheme, host = (headers.get(field, "") for field in _FIELDS)
        claims.append(parse_x_forwarded(client, scheme, host))
    return claims


def ip_of(host: str) -> _IP | None:
    """Return the address that a host is, an IPv4 one where it stands in an IPv6 one; `None` for a name."""
    try:
        ip = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    # A socket that serves both families shows IPv4 peers as ::ffff:192.0.2.1.
    return (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip


def _node(text: str) -> Address | None:
    """Read an address as a proxy writes it, with or without brackets and port (RFC 7239 §6)."""
    text = text.strip('"')
    matched = _NODE.fullmatch(text)
    version_4, version_6, port = matched.groups() if matched else (None, text, None)
    ip = None if "%" in text else ip_of(version_4 or version_6 or "")
    if ip is None:
        return None
    # A port may be made up, as a whole node may (RFC 7239 §6.3): it then begins with a line.
    return Address(str(ip), int(port) if port and port.isdigit() and int(port) <= 65535 else None)
