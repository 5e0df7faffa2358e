"""Which proxy a connection goes through: the argument decides, or else the environment.

There is no standard for these variables. The names are those of RFC 6455 §4.1, which prefers the proxy for
HTTPS, since it surely can open tunnels, with `ws_proxy` and `wss_proxy` before them. On macOS and Windows,
`urllib` also knows the settings of the system.

A program on this machine, and a Unix socket, are reached without the proxy of the environment, as in Go and in
browsers. A proxy that is elsewhere would connect to itself instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal

from trioweb._wire.proxy_tunnel import Proxy, parse_proxy
from trioweb._wire.websocket_url import WebSocketURL
from trioweb.errors import ConfigError

_VARIABLES = {"ws": ("ws", "https", "http"), "wss": ("wss", "https")}


def choose_proxy(url: WebSocketURL, proxy: str | Literal[False] | None) -> Proxy | None:
    """Return the proxy for a URL, or `None` to connect without one.

    Args:
        url: The server's.
        proxy: The URL of one, `False` for none, or `None` for the one of the environment.

    Raises:
        ConfigError: It is malformed, or a proxy of another kind than HTTP; or it was given with a Unix socket.
    """
    if proxy is False:
        return None
    if proxy is None:
        return _from_environment(url)
    if not isinstance(proxy, str):
        raise ConfigError(
            "proxy takes a URL as a str, False for none or None for the environment's,"
            f" not a {type(proxy).__name__}"
        )
    if url.unix_path is not None:
        raise ConfigError(f"no proxy can reach a Unix socket, and proxy=... was given for {url}")
    return parse_proxy(proxy, "proxy")


def _from_environment(url: WebSocketURL) -> Proxy | None:
    """Return the proxy that the environment names, unless it makes an exception for this host.

    `NO_PROXY` may list a host with its port or without it, so `urllib` is asked about both forms.
    """
    if url.unix_path is not None or _is_this_machine(url.host):
        return None
    from urllib.request import getproxies, proxy_bypass  # only here: it takes 20 ms to import

    proxies = getproxies()
    found = next((name for name in _VARIABLES[url.scheme] if proxies.get(name)), None)
    if found is None or proxy_bypass(url.authority_with_port) or proxy_bypass(url.server_name):
        return None
    if _is_in_networks(url.host, proxies.get("no", "").split(",")):
        return None
    return parse_proxy(proxies[found], f"{found}_proxy of the environment")


def _is_this_machine(host: str) -> bool:
    """Return whether a host is this machine, by its name alone: it may be that only the proxy can look names up."""
    name = host.removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 §6.3
        return True
    address = _as_address(host)
    return address is not None and address.is_loopback


def _is_in_networks(host: str, entries: Iterable[str]) -> bool:
    """Compare an address with the networks in NO_PROXY, which `urllib` does not know, but curl and Go do."""
    address = _as_address(host)
    if address is None:
        return False
    for entry in entries:
        try:
            if "/" in entry and address in ip_network(entry.strip(), strict=False):
                return True
        except ValueError:
            continue
    return False


def _as_address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
