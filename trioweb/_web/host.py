"""A host, as Host, Forwarded and X-Forwarded-Host name it (RFC 3986 §3.2.2)."""

from __future__ import annotations

import re
from ipaddress import IPv6Address

HOST_CHARACTERS = 255
"""The longest name that DNS has (RFC 1035 §3.1)."""

# The grammar of addresses lets a name be percent-encoded, and have marks such as "!" in it. No
# name of DNS has, and whoever decodes "evil.example%2f.example.org" later finds another host.
_NAME = r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?"
_AUTHORITY = re.compile(rf"({_NAME}|\[[0-9a-f:.]{{2,45}}\])(?::([0-9]{{0,5}}))?")

PORTS = 65535


def parse_host(authority: str) -> str | None:
    """Return the host in the form that is compared: small, without port and last dot.

    Args:
        authority: What stands in the field: a name or an address, and maybe a port.

    Returns:
        `None` for what is not the name of a host, an IPv4 address or an IPv6 address in brackets.
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
