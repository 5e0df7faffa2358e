"""Listeners, and where they listen: TCP, Unix sockets, or any listener given.

A Unix socket is a file name, and outlives the program that created it. So `open_unix` has to distinguish
a socket in use from a stale one. It can only try to connect: a stale socket refuses. Its name is then
removed and bound again. A file that is not a socket is never removed.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import trio

from trioweb._web.address import Address
from trioweb.errors import ConfigError

BACKLOG = 1024
"""Connections that wait in the kernel to be accepted. Beyond it the kernel drops the first packet of a
client, which tries again only after a second."""

UNSENT_BYTES = 128 * 1024
"""How many unsent bytes the kernel holds for a connection. By default it holds megabytes. A peer that reads
slowly would then seem to read nothing for minutes, and each slow peer would take that memory."""
_UNSENT_LOW_MARK: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)

_TCP = (socket.AF_INET, socket.AF_INET6)

AnyListener = trio.abc.Listener[trio.abc.Stream]
_SecureListener = trio.SSLListener[trio.abc.Stream]


class PortInUse(OSError):
    """Another program listens there. To users it is an `OSError`; `run` raises it without Trio's traceback."""


class _DefaultHost(str):
    __slots__ = ()


class _DefaultPort(int):
    __slots__ = ()


# Separate objects, to distinguish an argument that was given from one that was not: host and port
# contradict a Unix socket or listeners even if they have the default values. `None` would not do, since
# it is a valid host (every address), and neither would a sentinel, which `help(serve)` would show.
HOST: str = _DefaultHost("127.0.0.1")
PORT: int = _DefaultPort(8000)


def check_place(
    host: str | None,
    port: int,
    unix_path: str | os.PathLike[str] | None,
    listeners: Sequence[AnyListener] | None,
) -> None:
    """Refuse two places to listen on, because one of them would be ignored.

    A program that asks for a Unix socket and a port may want the socket so that nobody outside can
    reach it. Choosing for the program could open what it meant to keep closed.

    Raises:
        ConfigError: The arguments contradict each other, or the port is not from 0 to 65535.
    """
    check_port(port)
    if listeners is not None and unix_path is not None:
        raise ConfigError("give either listeners or unix_path, not both")
    if (listeners is not None or unix_path is not None) and (host is not HOST or port is not PORT):
        other = "unix_path" if listeners is None else "listeners"
        raise ConfigError(f"give either {other} or host and port, not both: they say where to listen")


def check_port(port: object) -> None:
    """Refuse anything that is not a port; the system would take 65536 for 0.

    Raises:
        ConfigError: It is not from 0 to 65535.
    """
    if not isinstance(port, int) or not 0 <= port <= 65535:
        raise ConfigError(f"port={port!r}: a port is a number from 0 to 65535, and 0 lets the system choose")


async def open_tcp(host: str | None, port: int) -> list[trio.SocketListener]:
    """Listen on TCP, on every address of `host`.

    A name such as "localhost" has two addresses, for IPv4 and IPv6, and a browser tries both. If the
    port is in use at one address, this fails for all of them: a server that only half of its clients can
    reach is harder to understand than an error.

    Raises:
        OSError: The port is in use, or the host is not one of this machine's.
        ConfigError: The port is not from 0 to 65535.
    """
    check_port(port)
    host, port = None if host is None else str(host), int(port)  # the defaults have classes of their own
    try:
        listeners = await trio.open_tcp_listeners(port, host=host, backlog=BACKLOG)
    except socket.gaierror as error:
        raise socket.gaierror(error.errno, f"host {host!r} cannot be resolved: {error.strerror}") from None
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        place = f"port {port}" if host is None else f"{host} port {port}"
        advice = "stop the program that listens there, or choose another port"
        raise PortInUse(error.errno, f"{place} is in use: {advice}") from None
    for listener in listeners:
        # Accepted sockets inherit the option, so it need not be set for each of them.
        if _UNSENT_LOW_MARK is not None:
            listener.socket.setsockopt(trio.socket.IPPROTO_TCP, _UNSENT_LOW_MARK, UNSENT_BYTES)
    return listeners


async def open_unix(path: str | os.PathLike[str]) -> trio.SocketListener:
    """Listen on a Unix socket, and replace a stale one.

    Raises:
        OSError: Another server listens there, or the path cannot be bound.
        ConfigError: The path exists and is not a socket.
    """
    name = os.fspath(path)
    await _remove_stale(name)
    listening = trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM)
    try:
        await listening.bind(name)
        listening.listen(BACKLOG)
    except FileNotFoundError as error:
        listening.close()
        folder = os.path.dirname(name)
        raise FileNotFoundError(
            error.errno, f"the folder {folder!r} for the Unix socket does not exist"
        ) from None
    except BaseException:
        listening.close()
        raise
    return trio.SocketListener(listening)


def absolute_path(path: str | os.PathLike[str]) -> str:
    """Return a path that stays the same when the program changes its folder."""
    return os.path.abspath(path)


def remove_unix_socket(path: str | os.PathLike[str]) -> None:
    """Remove the name of a Unix socket on which no server listens any more."""
    with suppress(FileNotFoundError):
        os.unlink(path)


async def _remove_stale(name: str) -> None:
    try:
        mode = os.stat(name).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigError(f"{name} exists and is not a socket: choose another path for the Unix socket")
    try:
        stream = await trio.open_unix_socket(name)
    except OSError:
        remove_unix_socket(name)
        return
    await stream.aclose()
    raise OSError(errno.EADDRINUSE, f"another server listens on {name}")


def url_of(listener: AnyListener, scheme: str) -> str:
    """Return the URL of a listener, for users to open and for tests to use."""
    if isinstance(listener, trio.SSLListener):
        return url_of(cast("_SecureListener", listener).transport_listener, "https")
    if not isinstance(listener, trio.SocketListener):
        return f"{scheme}://{type(listener).__name__}"
    name: object = listener.socket.getsockname()
    address = address_of(listener.socket.family, name)
    if address is None:
        kind = listener.socket.family.name.removeprefix("AF_").lower()
        return f"{kind}:{':'.join(map(str, name)) if isinstance(name, tuple) else name}"  # pyright: ignore[reportUnknownArgumentType]
    # A server can listen on all addresses, but a browser has to open a particular one.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 - only read
    return f"{scheme}://{Address(host, address.port)}"


def port_of(listeners: Sequence[AnyListener]) -> int | None:
    """Return the TCP port of the first listener that has one; `None` if there is none."""
    for listener in listeners:
        if isinstance(listener, trio.SSLListener):
            port = port_of([cast("_SecureListener", listener).transport_listener])
        elif isinstance(listener, trio.SocketListener):
            address = address_of(listener.socket.family, listener.socket.getsockname())
            port = None if address is None else address.port
        else:
            port = None
        if port is not None:
            return port
    return None


def address_of(family: int, name: Any) -> Address | None:
    """Parse the address of a socket; `None` unless it is TCP's.

    Args:
        family: The family of the socket. The type of the name is not enough, since the names of other
            families are tuples too. For vsock, which connects virtual machines to their host, it is
            a context and a port.
        name: The address as the socket returns it.
    """
    return Address(str(name[0]), int(name[1])) if family in _TCP else None
