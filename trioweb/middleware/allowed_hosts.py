"""The host names under which the server may be reached."""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs

from trioweb._web.host import parse_host
from trioweb._web.request import Request
from trioweb._web.response import Response
from trioweb.errors import ConfigError, HTTPError
from trioweb.middleware.chain import Next

_WILDCARD = "*."
_PORT = re.compile(r":[0-9]*\Z")


def _read_patterns(value: Iterable[str]) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ConfigError(f'AllowedHosts.hosts takes a list such as ["example.org"], not {value!r}')
    patterns = tuple(_read_pattern(pattern) for pattern in value)
    if not patterns:
        raise ConfigError("AllowedHosts.hosts is empty, so that nothing would be answered")
    return patterns


def _read_pattern(pattern: object) -> str:
    text = pattern if isinstance(pattern, str) else ""
    name = text.removeprefix(_WILDCARD)
    host = None if _PORT.search(name) else parse_host(name)
    if host is None or (name != text and host.startswith("[")):
        raise ConfigError(
            f'AllowedHosts.hosts takes names such as "example.org", "*.example.org", "192.0.2.1" or "[::1]", '
            f"without a port and in ASCII, not {pattern!r}"
        )
    return host if name == text else _WILDCARD + host


@attrs.frozen(kw_only=True)
class AllowedHosts:
    """Answer only requests for one of these hosts, and refuse all others with 421.

    This stops "DNS rebinding": an attacker makes the host name of a page resolve to this server.
    The browser then takes the page and the server for the same origin, and only the host in the
    request shows the difference. Links that a handler makes from the host are safe as well.

    Handshakes are refused in the same way. Behind a trusted proxy, the host that it reports counts.
    Text that cannot be the name or address of a host, such as a name with `%2f` in it, never matches.

    The status is 421 rather than 400, because the request itself is valid and has only reached
    the wrong server (RFC 9110 §7.4, §15.5.20).

    Args:
        hosts: Names or addresses without a port: `"example.org"`, `"[::1]"`, or
            `"*.example.org"` for all names below `example.org`, but not that name itself.

    Raises:
        ConfigError: The list is empty, or contains anything else.
    """

    hosts: tuple[str, ...] = attrs.field(converter=_read_patterns)

    async def __call__(self, request: Request, call_next: Next) -> Response:
        """Pass the request on if its host is allowed.

        Raises:
            HTTPError: 421, because the host is not allowed.
        """
        host = parse_host(request.host)
        if host is None or not self._allows(host):
            raise HTTPError(421, "This server does not answer for that host (AllowedHosts.hosts).")
        return await call_next(request)

    def _allows(self, host: str) -> bool:
        if host in self.hosts:
            return True
        return any(pattern[0] == "*" and host.endswith(pattern[1:]) for pattern in self.hosts)
