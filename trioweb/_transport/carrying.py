"""Which transport carries the bytes of a connection, whichever side opened it."""

from __future__ import annotations

import socket
import ssl

import trio

from trioweb._transport.engine import Engine
from trioweb._transport.socket_transport import SocketTransport
from trioweb._transport.stream_transport import StreamTransport
from trioweb._transport.tls_transport import TlsTransport
from trioweb._transport.transport import Transport


def transport_over(
    carrier: socket.socket | trio.abc.Stream,
    engine: Engine,
    ssl_context: ssl.SSLContext | None = None,
    *,
    server_hostname: str | None = None,
) -> Transport:
    """Choose what carries the bytes.

    The pump that all connections share reads plain sockets, also below TLS, so that an idle
    connection has no task. If the system has no pump, and for streams of another kind, a task
    reads each of Trio's streams.

    Args:
        carrier: A socket, or a stream of any kind.
        engine: Drives it.
        ssl_context: If given, it is used to speak TLS.
        server_hostname: Of a client: the name or address that the server's certificate is to be for.

    Raises:
        ValueError: `server_hostname` cannot be in a certificate.
    """
    if isinstance(carrier, socket.socket):
        if engine.pump is not None:
            plain = SocketTransport(carrier, engine.pump)
            return plain if ssl_context is None else TlsTransport(plain, ssl_context, server_hostname)
        carrier = trio.SocketStream(trio.socket.from_stdlib_socket(carrier))
    if ssl_context is not None:
        carrier = trio.SSLStream(
            carrier,
            ssl_context,
            server_hostname=server_hostname,
            server_side=server_hostname is None,
            https_compatible=True,
        )
    return StreamTransport(carrier, engine.nursery)
