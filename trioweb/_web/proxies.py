"""Finds the client of a request that came through proxies.

A field such as X-Forwarded-For is a list. Each proxy appends the address that it saw, so
anything that the client wrote itself is at the left end. The list is therefore read from the
right, for as long as a trusted proxy wrote the entry. The first address that is not a trusted
proxy's is the client. Entries that no trusted proxy wrote are never read.

If the entry of a trusted proxy cannot be parsed, the client is unknown, `None`. It is unknown
too if the two kinds of field contradict each other, because one of them may be the client's own,
passed through. The proxy's own address must not take its place, since it may have more rights
than a stranger.
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
    """A request as it was when the client sent it to the outermost trusted proxy.

    Attributes:
        client: The sender; `None` on a Unix socket, or if it is unknown.
        scheme: `"http"` or `"https"`.
        host: The Host field that the client sent.
        is_anonymous: Whether a proxy should have named the client, but did not.
    """

    client: Address | None
    scheme: str
    host: str
    is_anonymous: bool = attrs.field(default=False, kw_only=True)


class TrustedProxies:
    """Tells clients from the proxies in front of the server.

    Args:
        networks: Addresses and networks, such as `"::1"` and `"10.0.0.0/8"`; `"unix"` for
            peers on a Unix socket.

    Raises:
        ConfigError: An entry is none of these.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        entries = tuple(networks)
        self._trusts_unix = UNIX in entries
        self._networks = [parse_network(entry) for entry in entries if entry != UNIX]

    def resolve(self, peer: Address | None, headers: Headers, scheme: str) -> Forwarding:
        """Return who sent a request, with which scheme, and to which host.

        Args:
            peer: The other end of the socket; `None` on a Unix socket.
            headers: The headers of the request.
            scheme: `"https"` if the socket itself is encrypted, otherwise `"http"`.
        """
        direct = Forwarding(peer, scheme, headers.get("host", ""))
        if not self.trusts(peer):
            return direct
        accounts = [self._walk(direct, hops) for hops in _claims(headers)]
        if not accounts:
            return direct
        return accounts[0] if all(one == accounts[0] for one in accounts) else _anonymous(direct)

    def _walk(self, direct: Forwarding, hops: list[Hop] | None) -> Forwarding:
        if hops is None:
            return _anonymous(direct)
        client, scheme, host = direct.client, direct.scheme, direct.host
        is_anonymous = False
        for hop in reversed(hops):
            scheme = _SCHEMES.get(hop.scheme.lower(), scheme)
            host = host if parse_host(hop.host) is None else hop.host
            # A proxy that does not name its client does not vouch for the entries further left.
            if not hop.client:
                break
            client = _node(hop.client)
            is_anonymous = client is None
            if client is None or not self._trusts(ip_of(client.host)):
                break
        return Forwarding(client, scheme, host, is_anonymous=is_anonymous)

    def trusts(self, peer: Address | None) -> bool:
        """Return whether the other end of a socket is a trusted proxy."""
        if peer is None:
            return self._trusts_unix
        return bool(self._networks) and self._trusts(ip_of(peer.host))

    def _trusts(self, ip: _IP | None) -> bool:
        return ip is not None and any(ip in network for network in self._networks)


def _anonymous(direct: Forwarding) -> Forwarding:
    return attrs.evolve(direct, client=None, is_anonymous=True)


def _claims(headers: Headers) -> list[list[Hop] | None]:
    """Return the hops in each of the two kinds of field that the request has."""
    claims: list[list[Hop] | None] = []
    if "forwarded" in headers:
        claims.append(parse_forwarded(headers["forwarded"]))
    if any(field in headers for field in _FIELDS):
        client, scheme, host = (headers.get(field, "") for field in _FIELDS)
        claims.append(parse_x_forwarded(client, scheme, host))
    return claims


def ip_of(host: str) -> _IP | None:
    """Return a host as an IP address, an IPv4-mapped one as IPv4; `None` for a name."""
    try:
        ip = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    # A socket that serves both families shows IPv4 peers as ::ffff:192.0.2.1.
    return (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip


def _node(text: str) -> Address | None:
    """Parse an address written by a proxy, with or without brackets and port (RFC 7239 §6)."""
    text = text.strip('"')
    matched = _NODE.fullmatch(text)
    version_4, version_6, port = matched.groups() if matched else (None, text, None)
    ip = None if "%" in text else ip_of(version_4 or version_6 or "")
    if ip is None:
        return None
    # A proxy may hide a port, as it may the address: it then writes a made-up identifier, which
    # starts with an underscore (RFC 7239 §6.3).
    return Address(str(ip), int(port) if port and port.isdigit() and int(port) <= 65535 else None)
