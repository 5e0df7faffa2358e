"""The settings: limits in bytes and counts, time-outs in seconds, origins and compression."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

import attrs

from trioweb.errors import ConfigError
from trioweb.validators import instance_of, seconds, whole_number

MAX_MEMORY_LEVEL = 9
UNIX = "unix"
"""Stands for a proxy on a Unix socket, which has no address."""


@attrs.frozen(kw_only=True)
class Limits:
    """How much a peer can make this side hold. Nothing is unbounded.

    Attributes:
        head_bytes: The request line and the header fields; 431 if exceeded.
        head_fields: Header fields of a request, one for each line; 431 if exceeded.
        body_bytes: The body of a request; 413 if exceeded.
        body_bytes_per_second: The average rate at which a body must arrive, once this side has
            waited for it for five times `Timeouts.body_seconds`; 408 if it is lower. 0 sets no rate.
        form_fields: Fields of a form that are not files; 413 if exceeded.
        form_field_bytes: The bytes of these fields, names and values together; 413 if exceeded.
        form_files: Files of a form; 413 if exceeded.
        form_memory_bytes: The bytes of these files that stay in memory; the rest goes to disk.
        form_header_bytes: The header fields of one part of a form; 413 if exceeded.
        message_bytes: One message, both as received and after inflating; 1009 if exceeded.
        message_fragments: The frames of one message; 1008 if exceeded.
        inbox_messages: Received messages that wait for the handler.
        inbox_bytes: The bytes of these messages. Reading stops at either bound.
        outbox_messages: Sent messages that wait for the peer.
        outbox_bytes: The bytes of these messages. Above either bound, `send` waits.
        connections: Connections at one time; 503 if exceeded.
        connections_per_client: Connections of one client at one time; 503 if exceeded. `None` for
            any number. A client is an IPv4 address or the /64 network of an IPv6 address. The
            bound does not apply to trusted proxies.
    """

    head_bytes: int = attrs.field(default=16 * 1024, validator=whole_number(256))
    head_fields: int = attrs.field(default=100, validator=whole_number(1))
    body_bytes: int = attrs.field(default=1024 * 1024, validator=whole_number(0))
    body_bytes_per_second: int = attrs.field(default=240, validator=whole_number(0))
    form_fields: int = attrs.field(default=1000, validator=whole_number(0))
    form_field_bytes: int = attrs.field(default=1024 * 1024, validator=whole_number(0))
    form_files: int = attrs.field(default=100, validator=whole_number(0))
    form_memory_bytes: int = attrs.field(default=256 * 1024, validator=whole_number(0))
    form_header_bytes: int = attrs.field(default=8 * 1024, validator=whole_number(256))
    message_bytes: int = attrs.field(default=1024 * 1024, validator=whole_number(1))
    message_fragments: int = attrs.field(default=16_384, validator=whole_number(1))
    inbox_messages: int = attrs.field(default=64, validator=whole_number(1))
    inbox_bytes: int = attrs.field(default=1024 * 1024, validator=whole_number(1))
    outbox_messages: int = attrs.field(default=1024, validator=whole_number(1))
    outbox_bytes: int = attrs.field(default=1024 * 1024, validator=whole_number(1))
    connections: int = attrs.field(default=10_000, validator=whole_number(1))
    connections_per_client: int | None = attrs.field(default=None, validator=whole_number(1, optional=True))


@attrs.frozen(kw_only=True)
class Timeouts:
    """How long this side waits, in seconds. `None` switches a time-out off where that is safe.

    Attributes:
        head_seconds: From the first byte to the end of a request's head; then 408. The TLS
            handshake gets the same time.
        body_seconds: For a request's body to make progress; then 408. A client with 64 KiB of
            unread input counts as gone if it is sent nothing for this long.
        idle_seconds: For the first byte of a request, on a new connection or between requests.
        ping_interval_seconds: The silence after which a ping is sent; `None` sends none.
        ping_timeout_seconds: The silence after that ping before the peer counts as gone.
        send_seconds: For the peer to take some of the data that waits for it; then the
            connection is cut.
        close_seconds: For the closing handshake (RFC 6455 §7.1.1).
        handler_grace_seconds: For a handler to end after its connection has.
        drain_seconds: For the whole of a graceful shutdown, including the end of the lifespan.
        connect_seconds: For a client to connect, from its first step to the answer to its handshake,
            with all redirects.
    """

    head_seconds: float = attrs.field(default=10.0, validator=seconds(optional=False))
    body_seconds: float = attrs.field(default=30.0, validator=seconds(optional=False))
    idle_seconds: float = attrs.field(default=15.0, validator=seconds(optional=False))
    ping_interval_seconds: float | None = attrs.field(default=20.0, validator=seconds(optional=True))
    ping_timeout_seconds: float | None = attrs.field(default=20.0, validator=seconds(optional=True))
    send_seconds: float = attrs.field(default=30.0, validator=seconds(optional=False))
    close_seconds: float = attrs.field(default=5.0, validator=seconds(optional=False))
    handler_grace_seconds: float = attrs.field(default=10.0, validator=seconds(optional=False))
    drain_seconds: float = attrs.field(default=30.0, validator=seconds(optional=False))
    connect_seconds: float = attrs.field(default=20.0, validator=seconds(optional=False))


@attrs.frozen(kw_only=True)
class Deflate:
    """Permessage-deflate (RFC 7692), which is off unless the configuration or a route sets it.

    A connection that uses it needs about `2 ** (window_bits + 2) + 2 ** (memory_level + 9)`
    bytes for sending and `2 ** window_bits` for receiving, so the defaults are small.

    Attributes:
        level: zlib's effort, 1 (fast) to 9 (small).
        window_bits: Base-2 logarithm of the window for sending, 9 to 15. A peer that
            asks for a smaller window gets it; zlib does not offer 8. The peer is asked for
            the same; if it cannot limit its window, this side needs 32 KiB for receiving.
        memory_level: zlib's memory for sending, 1 to 9.
        minimum_bytes: Shorter messages are not compressed.
        context_takeover: Whether the window is kept from message to message. Without
            it, messages compress less well, but idle connections hold no window, and a
            room compresses a message once for all its members.
    """

    level: int = attrs.field(default=6, validator=whole_number(1, 9))
    window_bits: int = attrs.field(default=12, validator=whole_number(9, zlib.MAX_WBITS))
    memory_level: int = attrs.field(default=5, validator=whole_number(1, MAX_MEMORY_LEVEL))
    minimum_bytes: int = attrs.field(default=64, validator=whole_number(0))
    context_takeover: bool = attrs.field(default=True, validator=instance_of(bool))


HIGHEST_PORT = 65535

# The form that browsers send (RFC 6454 §6.2). Origins are compared as whole texts, so one in
# any other form would never match.
_HOST = r"(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\])"
_ORIGIN = re.compile(rf"[a-z][a-z0-9+.-]*://{_HOST}(?::([0-9]{{1,5}}))?", re.IGNORECASE | re.ASCII)


def parse_origins(value: str | Iterable[str] | None) -> str | tuple[str, ...] | None:
    """Check which pages may open a WebSocket, and return them in the form that is compared.

    Args:
        value: `None`, `"*"`, or origins (RFC 6454 §6.2) such as `"https://example.org"`.

    Raises:
        ConfigError: It is something else.
    """
    if value is None or value == "*":
        return None if value is None else "*"
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ConfigError(
            f'origins takes "*", None (same origin) or a list such as ["https://example.org"], not {value!r}'
        )
    allowed: tuple[Any, ...] = tuple(value)
    for origin in allowed:
        match = _ORIGIN.fullmatch(origin) if isinstance(origin, str) else None
        if match is None or not 0 < int(match[1] or 80) <= HIGHEST_PORT:
            raise ConfigError(
                f"an origin is scheme://host or scheme://host:port (1 to {HIGHEST_PORT}), in ASCII, without a"
                " path and without a *"
                f" for any subdomain, not {origin!r}: list each as browsers send it"
            )
    return tuple(origin.lower() for origin in allowed)


def parse_network(entry: str) -> IPv4Network | IPv6Network:
    """Parse an entry of `Config.trusted_proxies`: an address, or a network such as `"10.0.0.0/8"`.

    Raises:
        ConfigError: It is neither.
    """
    try:
        network = ip_network(str(entry))  # given a number, `ip_network` would take it for an address
    except ValueError as error:
        raise ConfigError(
            f'Config.trusted_proxies takes addresses, networks such as "10.0.0.0/8" or "unix": {error}'
        ) from error
    # A socket that serves both families shows IPv4 peers as ::ffff:192.0.2.1, in logs too, and an
    # entry may have been copied from there.
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is not None and network.prefixlen >= 96:
        return IPv4Network((mapped, network.prefixlen - 96))
    return network


def _proxies(value: Iterable[str]) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ConfigError(f'Config.trusted_proxies takes a list such as ["127.0.0.1"], not {value!r}')
    entries = tuple(value)
    for entry in entries:
        if entry != UNIX:
            parse_network(entry)
    return entries


@attrs.frozen(kw_only=True)
class Config:
    """All settings of an application. A route may override `limits`, `origins` and `compression`.

    Attributes:
        limits: How much a peer can make this side hold.
        timeouts: How long this side waits.
        origins: Which pages may open a WebSocket: `None` for those of the same origin,
            `"*"` for any, or a list of origins. A peer that sends no `Origin` is not a
            browser and is always let in (RFC 6455 §10.2).
        compression: Permessage-deflate, or `None` for no compression.
        trusted_proxies: Addresses or networks whose `Forwarded` and `X-Forwarded-*`
            fields are trusted; `"unix"` for peers on a Unix socket.
        fast_lane: Whether ordinary frames are decoded without wsproto.
        debug: Whether error pages and close reasons show exceptions to the peer.
    """

    limits: Limits = attrs.field(factory=Limits, validator=instance_of(Limits))
    timeouts: Timeouts = attrs.field(factory=Timeouts, validator=instance_of(Timeouts))
    origins: str | tuple[str, ...] | None = attrs.field(default=None, converter=parse_origins)
    compression: Deflate | None = attrs.field(default=None, validator=instance_of(Deflate, optional=True))
    trusted_proxies: tuple[str, ...] = attrs.field(default=(), converter=_proxies)
    fast_lane: bool = attrs.field(default=True, validator=instance_of(bool))
    debug: bool = attrs.field(default=False, validator=instance_of(bool))
