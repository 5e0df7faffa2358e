"""Accepts connections from listeners.

Plain sockets are accepted without Trio's wrapper. `trio.SocketListener.accept` makes a Trio socket and a
stream for each connection, sets options and passes a checkpoint. When many clients connect at once, for
instance after a restart, that would be most of the work. So a duplicate of the listening descriptor is used
here to accept plain sockets. All that have arrived are accepted before the scheduler runs again, up to a limit.

Listeners of another kind (TLS of Trio's own, a program's own class) are asked one stream at a time.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from typing import cast

import attrs
import trio

from trioweb._server.listeners import AnyListener, address_of
from trioweb._server.rationed import Rationed
from trioweb._web.address import Address
from trioweb._web.shortage import OUT_OF_RESOURCES

logger = logging.getLogger("trioweb")

ACCEPTS_PER_TURN = 16
"""Connections accepted in a row before the scheduler runs, so that a crowd of new clients does not delay those
that are already connected."""

BACK_OFF_SECONDS = 0.1
"""How long accepting pauses when no descriptor is left. The listener stays readable meanwhile, so without
a pause the loop would use a whole core to fail again and again."""

_UNIX: int | None = getattr(socket, "AF_UNIX", None)

Begin = Callable[["IncomingConnection"], None]
"""Starts serving a connection. It is not async, because a cancellation between accepting and serving would
leave a connection open that no task knows of."""


class AddressedStream(trio.abc.Stream):
    """A stream of another kind than a socket that knows where it comes from.

    A listener of a program may accept what arrived in another way than by a socket of this machine: through a
    tunnel, over a bus, from memory. The server takes the peer and the scheme from such a stream.

    Attributes:
        peer: The other end; `None` if it has no address.
        is_encrypted: Whether the request's scheme is `"https"`.
    """

    peer: Address | None = None
    is_encrypted: bool = False


@attrs.define  # not frozen, which costs a call for each field
class IncomingConnection:
    """An incoming connection: a plain socket, or a stream of another kind.

    Attributes:
        carrier: The socket or stream that carries its bytes.
        peer: The other end; `None` unless it is TCP, or if the stream cannot tell.
        is_unix: Whether it is a Unix socket, which has no address worth logging.
        is_encrypted: Whether the bytes of the stream were encrypted on their way here.
    """

    carrier: socket.socket | trio.abc.Stream
    peer: Address | None
    is_unix: bool = False
    is_encrypted: bool = False


async def accept(listener: AnyListener, begin: Begin, warn: Rationed) -> None:
    """Call `begin` for each incoming connection, and survive errors that pass by themselves.

    It ends when the listener is closed, or by cancellation.

    Args:
        listener: Is not closed here.
        begin: Is called with each connection.
        warn: Logs that descriptors or memory have run out.
    """
    await trio.lowlevel.checkpoint()  # a shutdown may have closed the listener already
    if isinstance(listener, trio.SocketListener):
        await _accept_sockets(listener, begin, warn)
    else:
        await _accept_streams(listener, begin, warn)


async def _accept_sockets(listener: trio.SocketListener, begin: Begin, warn: Rationed) -> None:
    with socket.socket(fileno=os.dup(listener.socket.fileno())) as listening:
        listening.setblocking(False)
        while True:
            await trio.lowlevel.wait_readable(listening)
            try:
                for _ in range(ACCEPTS_PER_TURN):
                    begin(connection_of(*listening.accept()))
            except BlockingIOError:  # all connections that had arrived are accepted
                continue
            except OSError as error:
                await _survive(error, warn)


async def _accept_streams(listener: AnyListener, begin: Begin, warn: Rationed) -> None:
    while True:
        try:
            stream = await listener.accept()
        except trio.ClosedResourceError:
            return
        except OSError as error:
            await _survive(error, warn)
        else:
            begin(
                IncomingConnection(
                    stream, peer_of(stream), is_unix=is_unix(stream), is_encrypted=is_encrypted(stream)
                )
            )
            del stream  # or its buffers would stay until the next client connects


async def _survive(error: OSError, warn: Rationed) -> None:
    """Carry on after a failed accept; if descriptors have run out, wait a little first.

    Closing the listener instead would refuse all clients because of a shortage that may be over as
    soon as a connection ends. Until then, clients wait in the system's queue, which is bounded. Any
    other error concerns a single connection, which was reset between its arrival and `accept`.
    """
    if error.errno in OUT_OF_RESOURCES:
        warn("cannot accept connections for now: %s (raise the limit with ulimit -n)", error)
        await trio.sleep(BACK_OFF_SECONDS)
    else:
        logger.debug("a connection was gone before it was accepted: %s", error)
        await trio.lowlevel.checkpoint()


def connection_of(connected: socket.socket, name: object) -> IncomingConnection:
    """Set the options of an accepted socket, and describe the connection.

    Args:
        connected: A stream socket of any family. Only TCP has an option to set, and an address.
        name: The peer's address as `accept` returned it.
    """
    peer = address_of(connected.family, name)
    if peer is not None:
        # Messages are small and each one matters: no waiting to fill a packet (Nagle's algorithm).
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return IncomingConnection(connected, peer, is_unix=peer is None and connected.family == _UNIX)


def peer_of(stream: trio.abc.Stream) -> Address | None:
    """Return the address of the peer, if the stream runs over TCP or knows it; otherwise `None`."""
    carrier = _carrier(stream)
    if isinstance(carrier, AddressedStream):
        return carrier.peer
    if not isinstance(carrier, trio.SocketStream):
        return None
    try:
        return address_of(carrier.socket.family, carrier.socket.getpeername())
    except OSError:  # it was reset in the meantime
        return None


def is_unix(stream: trio.abc.Stream) -> bool:
    """Return whether a stream runs over a Unix socket, with TLS or without."""
    carrier = _carrier(stream)
    return isinstance(carrier, trio.SocketStream) and carrier.socket.family == _UNIX


def is_encrypted(stream: trio.abc.Stream) -> bool:
    """Return whether a stream speaks TLS, or says that it was encrypted on its way."""
    return isinstance(stream, trio.SSLStream) or (isinstance(stream, AddressedStream) and stream.is_encrypted)


def _carrier(stream: trio.abc.Stream) -> trio.abc.Stream:
    """Return the stream below any layers of TLS."""
    if isinstance(stream, trio.SSLStream):
        return _carrier(cast("trio.SSLStream[trio.abc.Stream]", stream).transport_stream)
    return stream
