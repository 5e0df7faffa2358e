"""The address of a peer: a host and a port."""

from __future__ import annotations

import attrs


@attrs.frozen(slots=True)
class Address:
    """An address as a socket or a trusted proxy gave it.

    Attributes:
        host: An IPv4 or IPv6 address, without brackets.
        port: The port; `None` if a proxy gave none.
    """

    host: str
    port: int | None = None

    def __str__(self) -> str:
        # RFC 3986 §3.2.2: brackets separate the colons of an IPv6 address from the one before a port.
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"
