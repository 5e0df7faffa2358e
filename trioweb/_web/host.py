"""The host in a Host, Forwarded or X-Forwarded-Host field (RFC 3986 §3.2.2)."""

from __future__ import annotations

import re
from ipaddress import IPv6Address

HOST_CHARACTERS = 255
"""The length of the longest name in DNS (RFC 1035 §3.1)."""

# The grammar of URLs also allows percent-encoding and marks such as "!" in a name. No name in DNS
# contains them, and a program that later decodes "evil.example%2f.example.org" finds another host.
_NAME = r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?"
_AUTHORITY = re.compile(rf"({_NAME}|\[[0-9a-f:.]{{2,45}}\])(?::([0-9]{{0,5}}))?")

PORTS = 65535


def parse_host(authority: str) -> str | None:
    """Return the host in the form that is compared: in lower case, without port and trailing dot.

    Args:
        authority: The value of the field: a name or an address, optionally with a port.

    Returns:
        `None` if it is neither a host name, an IPv4 address, nor an IPv6 address in brackets.
    """
    matched = _AUTHORITY.fullmatch(authority.lower())
    if matched is None or len(matched[1]) > HOST_CHARACTERS or int(matched[2] or 0) > PORTS:
        return None
    host = matched[1]
    if not host.startswith("["):
        return host.removesuffix(".")
    try:
        return f"[{IPv6Address(host[1:-1])}]"
    except ValueError:
        return None
