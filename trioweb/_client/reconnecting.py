"""`reconnecting`, with which a program stays connected."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Literal

from trioweb._client.connect import connect_options
from trioweb._client.connection_loop import ConnectionLoop
from trioweb._client.positions import Positions
from trioweb._client.retry import Retry
from trioweb._wire.websocket_url import parse_url
from trioweb.config import Config, Deflate
from trioweb.errors import ConfigError
from trioweb.headers import HeaderSource

USUAL = Retry()


def reconnecting(
    url: str,
    *,
    retry: Retry = USUAL,
    resume: str | None = None,
    subprotocols: Iterable[str] = (),
    headers: HeaderSource | None = None,
    ssl_context: ssl.SSLContext | None = None,
    proxy: str | Literal[False] | None = None,
    compression: Deflate | None = None,
    config: Config | None = None,
    most_redirects: int = 0,
) -> ConnectionLoop:
    """Connect, and connect again whenever the connection ends: `async for ws in trioweb.reconnecting(url):`.

    Each iteration has a connection of its own. A body that wants the next one after a failure
    catches the exception:

        async for ws in trioweb.reconnecting("wss://example.org/feed"):
            try:
                async for message in ws:
                    ...
            except trioweb.ConnectionClosed:
                continue

    The loop itself ends with `break`, with an exception of its body, or when `retry` gives up: with
    the error of the last attempt or connection, or quietly if that connection ended with 1000,
    1001 or without a code. It closes its last connection whenever it is left.

    Args:
        url: As for `connect`.
        retry: When to connect again, and when to give up.
        resume: The name of a query parameter. Messages in a `json_envelope` are then handed out
            without it, and the position of the last one goes into this parameter when it connects again.
        subprotocols: As for `connect`.
        headers: As for `connect`.
        ssl_context: As for `connect`.
        proxy: As for `connect`.
        compression: As for `connect`.
        config: As for `connect`.
        most_redirects: As for `connect`.

    Raises:
        InvalidURL: As for `connect`, at once.
        LocalProtocolError: As for `connect`, at once or when it connects.
        ConfigError: `retry` is not a `Retry`, or `resume` is not a name.
        HandshakeRejected: From the loop: the server has refused with a status to give up on, or the
            last of `Retry.attempts` times.
        ConnectFailed: From the loop: the last of `Retry.attempts` has failed.
        ConnectionClosedError: From the loop: the connection ended with a code to give up on.

    Cancellation: While waiting or connecting, leaves nothing open. In the body, the connection is
        closed with 1001 as the exception leaves the loop, and nothing waits for its end.
    Concurrency: One loop for each call.
    """
    if not isinstance(retry, Retry):
        raise ConfigError(f"retry takes a Retry, such as Retry(attempts=5), not {retry!r}")
    options = connect_options(
        parse_url(url),
        subprotocols=subprotocols,
        headers=headers,
        ssl_context=ssl_context,
        proxy=proxy,
        compression=compression,
        config=config,
        most_redirects=most_redirects,
    )
    positions = None if resume is None else Positions(resume)
    return ConnectionLoop(url, options, retry=retry, positions=positions)
