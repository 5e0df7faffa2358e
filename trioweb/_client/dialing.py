"""From a URL to something that carries bytes: TCP or a Unix socket, a tunnel through a proxy, TLS.

Each step wraps the result of the one before, and at the bottom is a single socket. However a step ends, closing
that socket is enough to leave nothing open. Closing does not wait, so it needs no shield.

Most connections end up as a bare socket, which the pump drives. Only a proxy that is itself reached by TLS leaves
one of Trio's own streams at the bottom, with a task for each connection. `TlsTransport` could learn to have another
one below it. But few programs need that, so a slower way is better than more code.
"""

from __future__ import annotations

import functools
import socket
import ssl

import trio

from trioweb._client.attempt import Attempt
from trioweb._client.options import ConnectOptions
from trioweb._client.proxies import choose_proxy
from trioweb._transport.carrying import transport_over
from trioweb._transport.engine import Engine
from trioweb._transport.transport import Transport
from trioweb._wire.proxy_tunnel import Proxy, ProxyTunnel
from trioweb._wire.websocket_url import WebSocketURL
from trioweb.exception_groups import bare_exceptions

TUNNEL_READ_BYTES = 4096


@functools.cache
def default_ssl_context() -> ssl.SSLContext:
    """Return a context that trusts what the system trusts.

    There is one for the process: loading the system's certificates takes some 20 ms, and memory.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])  # or a server might choose HTTP/2 (RFC 7301)
    return context


async def dial(attempt: Attempt, url: WebSocketURL, options: ConnectOptions, engine: Engine) -> Transport:
    """Connect to the server of `url`, up to TLS.

    Raises:
        ConnectFailed: A step failed.
        ConfigError: The proxy is malformed, or of another kind than HTTP.
    """
    proxy = attempt.proxy = choose_proxy(url, options.proxy)
    stream = await _open_socket(attempt, url, proxy)
    bottom: trio.socket.SocketType | socket.socket = stream.socket
    try:
        carrier: trio.abc.Stream | socket.socket = stream
        if proxy is not None:
            carrier = await _open_tunnel(
                attempt, proxy, stream, ProxyTunnel(proxy, url, options.config.limits)
            )
        if carrier is stream:
            # Only now: the tunnel needs Trio's stream, which can wait.
            carrier = bottom = _bare_socket(stream)
        if not url.is_secure:
            return transport_over(carrier, engine)
        with attempt.during("TLS"):
            context = options.ssl_context or default_ssl_context()
            transport = transport_over(carrier, engine, context, server_hostname=url.server_name)
            await transport.secure()
    except BaseException:
        bottom.close()
        raise
    return transport


async def _open_socket(attempt: Attempt, url: WebSocketURL, proxy: Proxy | None) -> trio.SocketStream:
    """Connect to the first hop. Its phase is the one to report: a proxy that is down is not the server's fault."""
    if url.unix_path is not None:
        with attempt.during("Unix socket"):
            return await trio.open_unix_socket(url.unix_path)
    if proxy is not None:
        with attempt.during("proxy"):
            return await _open_tcp(proxy.host, proxy.port)
    with attempt.during("TCP"):
        return await _open_tcp(url.host, url.port)


async def _open_tcp(host: str, port: int) -> trio.SocketStream:
    # Trio tries all addresses in a nursery, which would put a KeyboardInterrupt into a group.
    with bare_exceptions():
        return await trio.open_tcp_stream(host, port)


async def _open_tunnel(
    attempt: Attempt, proxy: Proxy, stream: trio.abc.Stream, tunnel: ProxyTunnel
) -> trio.abc.Stream:
    """Ask the proxy for a tunnel, and return what the tunnel goes through: TLS, or the stream itself."""
    with attempt.during("proxy"):
        if proxy.is_secure:
            stream = trio.SSLStream(
                stream, default_ssl_context(), server_hostname=proxy.host, https_compatible=True
            )
        attempt.pending = tunnel
        await stream.send_all(tunnel.request)
        is_open = False
        while not is_open:
            data = await stream.receive_some(TUNNEL_READ_BYTES)
            if not data:
                tunnel.input_ended()
            is_open = tunnel.feed(bytes(data))
        attempt.pending = None
    return stream


def _bare_socket(stream: trio.SocketStream) -> socket.socket:
    """Take the socket out of a stream, which is of no use from then on.

    Trio tries the addresses of a host side by side (RFC 8305). Once there is a connection, the pump moves its bytes.
    """
    inner = stream.socket
    return socket.socket(inner.family, inner.type, inner.proto, fileno=inner.detach())
