"""How many connections each client has, if that is limited.

The peer of the socket counts, not the client that a proxy names. A proxy names the client in a request, but
the decision is made before anything is read. So a peer that carries the connections of many clients is not
counted.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv6Address

from trioweb._web.address import Address
from trioweb._web.proxies import TrustedProxies, ip_of

_HOST_BITS = 64
"""The half of an IPv6 address that its owner assigns freely (RFC 6177 §2). A bound for each address would
have no effect, because one customer has 2**64 addresses."""


class ClientConnections:
    """Counts connections by client: an IPv4 address, or the /64 network of an IPv6 one.

    Trusted proxies and Unix sockets carry the connections of many clients, and are not counted. A
    client without connections is forgotten, so there are never more entries than open connections.

    Args:
        most: How many each may have; `None` for any number.
        proxies: The trusted proxies, which are not counted.
    """

    def __init__(self, most: int | None, proxies: TrustedProxies) -> None:
        self._most = most
        self._proxies = proxies
        self._counts: Counter[str | int] = Counter()

    def enter(self, peer: Address | None) -> bool:
        """Count a connection and return `True`, or `False` if that would be one too many."""
        client = self._client(peer)
        if client is None:
            return True
        if self._most is not None and self._counts[client] >= self._most:
            return False
        self._counts[client] += 1
        return True

    def leave(self, peer: Address | None) -> None:
        """Undo the counting of `enter`, when the connection has ended."""
        client = self._client(peer)
        if client is None:
            return
        self._counts[client] -= 1
        if not self._counts[client]:
            del self._counts[client]

    def _client(self, peer: Address | None) -> str | int | None:
        if self._most is None or peer is None or self._proxies.trusts(peer):
            return None
        ip = ip_of(peer.host)
        return int(ip) >> _HOST_BITS if isinstance(ip, IPv6Address) else str(ip or peer.host)
