"""`connect` and `connect_stream`, with which a program opens a WebSocket."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from functools import partial
from typing import Literal

import trio

from trioweb._client.connecting import open_connection, open_connection_over
from trioweb._client.connection_block import ConnectionBlock
from trioweb._client.options import DEFAULT_CONFIG, ConnectOptions
from trioweb._wire.client_handshake import checked_subprotocols
from trioweb._wire.websocket_url import WebSocketURL, parse_url
from trioweb.config import Config, Deflate
from trioweb.errors import LocalProtocolError
from trioweb.headers import Headers, HeaderSource, MutableHeaders


def connect_options(
    target: WebSocketURL,
    *,
    subprotocols: Iterable[str],
    headers: HeaderSource | None,
    ssl_context: ssl.SSLContext | None,
    proxy: str | Literal[False] | None,
    compression: Deflate | None,
    config: Config | None,
    most_redirects: int,
) -> ConnectOptions:
    """Check what a program asks for, so that its mistakes show before anything is connected.

    Raises:
        LocalProtocolError: A subprotocol cannot be sent, or `ssl_context` is given for a URL without TLS.
    """
    if ssl_context is not None and not target.is_secure:
        raise LocalProtocolError(
            f"an ssl_context is for wss://, and nothing is encrypted on the way to {target}"
        )
    return ConnectOptions(
        subprotocols=checked_subprotocols(subprotocols),
        headers=_checked_headers(headers),
        ssl_context=ssl_context,
        proxy=proxy,
        compression=compression,
        config=config or DEFAULT_CONFIG,
        most_redirects=most_redirects,
    )


def _checked_headers(headers: HeaderSource | None) -> Headers:
    try:
        return MutableHeaders(headers or ())
    except (TypeError, ValueError):  # there are no pairs in it; not shown, for it may hold a password
        raise LocalProtocolError(
            f"headers takes a dict such as {{'Cookie': 'id=1'}}, or pairs, not this {type(headers).__name__}"
        ) from None


def connect(
    url: str,
    *,
    subprotocols: Iterable[str] = (),
    headers: HeaderSource | None = None,
    ssl_context: ssl.SSLContext | None = None,
    proxy: str | Literal[False] | None = None,
    compression: Deflate | None = None,
    config: Config | None = None,
    most_redirects: int = 0,
) -> ConnectionBlock:
    """Open a WebSocket: `async with trioweb.connect(url) as ws:`.

    The connection lasts as long as the block. At its end, it is closed with 1000; when an exception ends
    the block, with 1011, and the exception passes through as it is; when the block is cancelled, with 1001.

    Args:
        url: `ws://host/path`, `wss://host/path`, or `ws+unix://%2Fpath%2Fto.sock/path` for a Unix socket.
            A user and a password in it are sent as Basic authorization.
        subprotocols: Those that the program speaks, the preferred one first; see `ws.subprotocol`.
        headers: More header fields for the request, such as `Authorization`, `Cookie` or `Origin`.
        ssl_context: For `wss`, instead of one that trusts what the system trusts.
        proxy: The URL of an HTTP proxy, or `False` for none. By default, the environment decides.
        compression: Offers permessage-deflate; `config.compression` by default.
        config: Limits and time-outs, as on a server.
        most_redirects: How many redirects to follow. By default, each is a `HandshakeRejected`.

    Raises:
        InvalidURL: `url` is not the URL of a WebSocket.
        LocalProtocolError: A header field or a subprotocol cannot be sent, or `ssl_context` is given for a URL
            without TLS.
        ConfigError: `proxy`, or a proxy of the environment, is not the URL of an HTTP proxy.
        HandshakeRejected: The server has refused, with `status`, `headers` and `body`.
        ConnectTimedOut: There was no connection within `Timeouts.connect_seconds`.
        ConnectFailed: Connecting failed for another reason; `phase` says how far it got.

    Cancellation: While connecting, leaves nothing open. In the block, sends the close frame at once, and waits at
        most one second for the end of the connection.
    """
    target = parse_url(url)
    options = connect_options(
        target,
        subprotocols=subprotocols,
        headers=headers,
        ssl_context=ssl_context,
        proxy=proxy,
        compression=compression,
        config=config,
        most_redirects=most_redirects,
    )
    return ConnectionBlock(partial(open_connection, target, options))


def connect_stream(
    stream: trio.abc.Stream,
    url: str,
    *,
    subprotocols: Iterable[str] = (),
    headers: HeaderSource | None = None,
    compression: Deflate | None = None,
    config: Config | None = None,
) -> ConnectionBlock:
    """Open a WebSocket over a stream: `async with trioweb.connect_stream(stream, url) as ws:`.

    For servers that `connect` cannot reach by itself: through a tunnel or SOCKS, or in memory. The stream belongs
    to the connection from the beginning of the block, and is closed with it, also when connecting fails.

    Args:
        stream: Any Trio stream. For `wss`, TLS is up to you: wrap it in `trio.SSLStream`.
        url: The host and the target of the request. The host is not looked up.
        subprotocols: As for `connect`.
        headers: As for `connect`.
        compression: As for `connect`.
        config: As for `connect`.

    Raises:
        InvalidURL: As for `connect`.
        LocalProtocolError: As for `connect`, or `stream` is not one.
        HandshakeRejected: As for `connect`.
        ConnectFailed: As for `connect`; an exception of the stream is its cause.

    Cancellation: As for `connect`.
    """
    target = parse_url(url)
    if not hasattr(stream, "send_all") or not hasattr(stream, "receive_some"):
        raise LocalProtocolError(
            f"connect_stream takes a stream of Trio, such as trio.SocketStream, not {type(stream).__name__}"
        )
    options = ConnectOptions(
        subprotocols=checked_subprotocols(subprotocols),
        headers=_checked_headers(headers),
        compression=compression,
        config=config or DEFAULT_CONFIG,
    )
    return ConnectionBlock(partial(open_connection_over, stream, target, options))
