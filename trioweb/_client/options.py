"""What a program asks of a connection, apart from its URL."""

from __future__ import annotations

import ssl

import attrs

from trioweb._client.websocket import ClientWebSocket
from trioweb._transport.observed_transport import WireObserver
from trioweb.config import Config, Deflate
from trioweb.headers import HeaderSource

DEFAULT_CONFIG = Config()


@attrs.frozen(kw_only=True)
class ConnectOptions:
    """The arguments of `connect`, and two for trioweb's own use.

    Attributes:
        subprotocols: Those that the program speaks, the preferred one first.
        headers: More fields for the request.
        ssl_context: Instead of the default one.
        proxy: The URL of a proxy, `False` for none, `None` for that of the environment.
        compression: Permessage-deflate, to be offered.
        config: Limits, time-outs and the rest.
        most_redirects: How many are followed.
        kind: The class of the WebSocket.
        observer: Sees all bytes after the handshake.
    """

    subprotocols: tuple[str, ...] = ()
    headers: HeaderSource | None = None
    ssl_context: ssl.SSLContext | None = None
    proxy: str | bool | None = None
    compression: Deflate | None = None
    config: Config = DEFAULT_CONFIG
    most_redirects: int = 0
    kind: type[ClientWebSocket] = ClientWebSocket
    observer: WireObserver | None = None
