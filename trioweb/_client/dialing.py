"""From a URL to something that carries bytes: TCP or a Unix socket, a tunnel through a proxy, TLS.

Each step wraps what the one before has returned, and at the bottom is a single socket. However a step ends,
closing that socket is enough to leave nothing open. It does not wait, so it needs no shield.
"""

from __future__ import annotations

import functools
import socket
import ssl

import trio

from trioweb._client.attempt import Attempt
from trioweb._transport.carrying import transport_over
from trioweb._transport.engine import Engine
from trioweb._transport.transport import Transport
from trioweb._wire.websocket_url import WebSocketURL


@functools.cache
def default_ssl_context() -> ssl.SSLContext:
    """Return a context that trusts what the system trusts.

    There is one for the process: loading the system's certificates takes some 20 ms, and a megabyte.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])  # or a server might choose HTTP/2 (RFC 7301)
    return context


async def dial(
    attempt: Attempt, url: WebSocketURL, engine: Engine, ssl_context: ssl.SSLContext | None
) -> Transport:
    """Connect to the server of `url`, up to TLS.

    Raises:
        ConnectFailed: It did not work.
    """
    stream = await _open_socket(attempt, url)
    try:
        carrier = _taken_out(stream)
    except BaseException:
        stream.socket.close()
        raise
    if not url.is_secure:
        return transport_over(carrier, engine)
    try:
        with attempt.during("TLS"):
            context = ssl_context or default_ssl_context()
            transport = transport_over(carrier, engine, context, server_hostname=url.server_name)
            await transport.secure()
    except BaseException:
        carrier.close()
        raise
    return transport


async def _open_socket(attempt: Attempt, url: WebSocketURL) -> trio.SocketStream:
    if url.unix_path is not None:
        with attempt.during("Unix socket"):
            return await trio.open_unix_socket(url.unix_path)
    with attempt.during("TCP"):
        return await trio.open_tcp_stream(url.host, url.port)


def _taken_out(stream: trio.SocketStream) -> socket.socket:
    """Return the bare socket of a stream, which is of no use any more.

    Trio opens connections better than anybody (RFC 8305); what is done with them later is ours.
    """
    inner = stream.socket
    return socket.socket(inner.family, inner.type, inner.proto, fileno=inner.detach())
