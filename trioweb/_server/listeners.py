"""Where connections come from: TCP, Unix sockets, TLS, or any listener given."""

from __future__ import annotations

import errno
import logging
import os
import socket
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, cast

import attrs
import trio

from trioweb._server.rationed import Rationed
from trioweb._web.address import Address
from trioweb._web.shortage import OUT_OF_RESOURCES
from trioweb.errors import ConfigError

logger = logging.getLogger("trioweb")

BACKLOG = 1024
ACCEPTS_PER_TURN = 16
"""Connections accepted in a row before the scheduler runs."""

UNSENT_BYTES = 128 * 1024
"""How much the kernel holds that it may not send yet. By default it is megabytes: a peer that takes
little would look for minutes as if it took nothing, and each slow one would hold that memory."""
_UNSENT_LOW_MARK: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)

_UNIX: int | None = getattr(socket, "AF_UNIX", None)

BACK_OFF_SECONDS = 0.1

AnyListener = trio.abc.Listener[trio.abc.Stream]
_SecureListener = trio.SSLListener[trio.abc.Stream]


@attrs.define  # not frozen, which costs a call for each field
class IncomingConnection:
    """A connection that has come in: a plain socket, or a stream of another kind."""

    carrier: socket.socket | trio.abc.Stream
    peer: Address | None
    is_unix: bool = False


class PortInUse(OSError):
    """Somebody else listens there: for users an `OSError`, for `run` one that needs no traceback."""


class _DefaultHost(str):
    __slots__ = ()


class _DefaultPort(int):
    __slots__ = ()


# Objects of their own, so that what was given is told apart from what was not.
HOST: str = _DefaultHost("127.0.0.1")
PORT: int = _DefaultPort(8000)


def check_place(
    host: str | None,
    port: int,
    unix_path: str | os.PathLike[str] | None,
    listeners: Sequence[AnyListener] | None,
) -> None:
    """Refuse to be told of two places to listen at, one of which would be ignored.

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
    """Refuse what is not a port; the system would take 65536 for 0.

    Raises:
        ConfigError: It is not from 0 to 65535.
    """
    if not isinstance(port, int) or not 0 <= port <= 65535:
        raise ConfigError(f"port={port!r}: a port is a number from 0 to 65535, and 0 lets the system choose")


async def open_tcp(host: str | None, port: int) -> list[trio.SocketListener]:
    """Listen on TCP, on every address that `host` stands for.

    Raises:
        OSError: The port is in use, or the host is not one of this machine's.
        ConfigError: The port is not from 0 to 65535.
    """
    check_port(port)
    host, port = None if host is None else str(host), int(port)  # the defaults are of classes of their own
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
        # IncomingConnection sockets inherit it, at no cost for each.
        if _UNSENT_LOW_MARK is not None:
            listener.socket.setsockopt(trio.socket.IPPROTO_TCP, _UNSENT_LOW_MARK, UNSENT_BYTES)
    return listeners


async def open_unix(path: str | os.PathLike[str]) -> trio.SocketListener:
    """Listen on a Unix socket, in place of one that nobody listens on any longer.

    Raises:
        OSError: Somebody listens there, or the path cannot be bound.
        ConfigError: Something that is no socket has the path.
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
            error.errno, f"the folder {folder!r} for the Unix socket is not there"
        ) from None
    except BaseException:
        listening.close()
        raise
    return trio.SocketListener(listening)


def absolute_path(path: str | os.PathLike[str]) -> str:
    """Return a path that stays the same when the program changes its folder."""
    return os.path.abspath(path)


def remove_unix_socket(path: str | os.PathLike[str]) -> None:
    """Take away the name of a Unix socket that nobody listens on any longer."""
    with suppress(FileNotFoundError):
        os.unlink(path)


async def _remove_stale(name: str) -> None:
    try:
        mode = os.stat(name).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigError(f"{name} is there and is no socket: choose another path for the Unix socket")
    try:
        stream = await trio.open_unix_socket(name)
    except OSError:
        remove_unix_socket(name)
        return
    await stream.aclose()
    raise OSError(errno.EADDRINUSE, f"another server listens on {name}")


def url_of(listener: AnyListener, scheme: str) -> str:
    """Return the address under which a listener is reached."""
    if isinstance(listener, trio.SSLListener):
        return url_of(cast("_SecureListener", listener).transport_listener, "https")
    if not isinstance(listener, trio.SocketListener):
        return f"{scheme}://{type(listener).__name__}"
    name: object = listener.socket.getsockname()
    address = _address(name)
    if address is None:
        return f"unix:{name}"
    # Listening on every address is no address to go to.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 - only read
    return f"{scheme}://{Address(host, address.port)}"


def port_of(listeners: Sequence[AnyListener]) -> int | None:
    """Return the first TCP port listened on, if there is one."""
    for listener in listeners:
        if isinstance(listener, trio.SSLListener):
            port = port_of([cast("_SecureListener", listener).transport_listener])
        elif isinstance(listener, trio.SocketListener):
            address = _address(listener.socket.getsockname())
            port = None if address is None else address.port
        else:
            port = None
        if port is not None:
            return port
    return None


def _address(name: Any) -> Address | None:
    """Read what a socket calls an address: a tuple for TCP, a path for Unix."""
    return Address(str(name[0]), int(name[1])) if isinstance(name, tuple) else None  # pyright: ignore[reportUnknownArgumentType]


async def accept(listener: AnyListener, begin: Callable[[IncomingConnection], None], warn: Rationed) -> None:
    """Call `begin` for each connection that comes in, surviving what passes.

    Ends when the listener is closed, or by cancellation. What `warn` says is about having
    run out of descriptors or memory.
    """
    await trio.lowlevel.checkpoint()  # a shutdown may have closed the listener already
    if isinstance(listener, trio.SocketListener):
        await _accept_sockets(listener, begin, warn)
    else:
        await _accept_streams(listener, begin, warn)


async def _accept_sockets(
    listener: trio.SocketListener, begin: Callable[[IncomingConnection], None], warn: Rationed
) -> None:
    """Take as many as have come, without waking up for each."""
    # A duplicate of the descriptor gives plain sockets, without Trio's wrapper round each.
    with socket.socket(fileno=os.dup(listener.socket.fileno())) as listening:
        listening.setblocking(False)
        while True:
            await trio.lowlevel.wait_readable(listening)
            try:
                for _ in range(ACCEPTS_PER_TURN):
                    connected, name = listening.accept()
                    peer = _peer(connected, name)
                    begin(
                        IncomingConnection(
                            connected, peer, is_unix=peer is None and connected.family == _UNIX
                        )
                    )
            except BlockingIOError:
                continue
            except OSError as error:
                await _survive(error, warn)


async def _accept_streams(
    listener: AnyListener, begin: Callable[[IncomingConnection], None], warn: Rationed
) -> None:
    while True:
        try:
            stream = await listener.accept()
        except trio.ClosedResourceError:
            return
        except OSError as error:
            await _survive(error, warn)
        else:
            begin(IncomingConnection(stream, peer_of(stream), is_unix=is_unix(stream)))
            del stream  # or its buffers would stay until somebody else comes


async def _survive(error: OSError, warn: Rationed) -> None:
    """Carry on after a failed accept; when descriptors have run out, a little later.

    Until then those who connect wait in the queue of the system, which is bounded.
    """
    if error.errno in OUT_OF_RESOURCES:
        warn("cannot accept connections for now: %s (raise the limit with ulimit -n)", error)
        await trio.sleep(BACK_OFF_SECONDS)
    else:
        logger.debug("a connection was gone before it was accepted: %s", error)
        await trio.lowlevel.checkpoint()


def _peer(connected: socket.socket, name: object) -> Address | None:
    address = _address(name)
    if address is not None:
        # Messages are small and each one matters: no waiting to fill a packet.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return address


def peer_of(stream: trio.abc.Stream) -> Address | None:
    """Return the address of the peer behind a stream, if it is a TCP one."""
    carrier = _carrier(stream)
    if not isinstance(carrier, trio.SocketStream):
        return None
    try:
        return _address(carrier.socket.getpeername())
    except OSError:
        return None


def is_unix(stream: trio.abc.Stream) -> bool:
    """Say whether a stream is a Unix socket's, with TLS or without."""
    carrier = _carrier(stream)
    return isinstance(carrier, trio.SocketStream) and carrier.socket.family == _UNIX


def _carrier(stream: trio.abc.Stream) -> trio.abc.Stream:
    if isinstance(stream, trio.SSLStream):
        return _carrier(cast("trio.SSLStream[trio.abc.Stream]", stream).transport_stream)
    return stream
