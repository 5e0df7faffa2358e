"""The options of a connection: everything that a program asks of it, apart from the URL."""

from __future__ import annotations

import ssl
from typing import Literal

import attrs

from trioweb._client.websocket import ClientWebSocket
from trioweb.config import Config, Deflate
from trioweb.headers import Headers, MutableHeaders
from trioweb.validators import instance_of, whole_number

DEFAULT_CONFIG = Config()
NO_HEADERS = MutableHeaders()


@attrs.frozen(kw_only=True)
class ConnectOptions:
    """The arguments of `connect`, and one for trioweb's own use.

    Attributes:
        subprotocols: Those that the program speaks, the preferred one first.
        headers: More fields for the request.
        ssl_context: Instead of the default one.
        proxy: The URL of a proxy, `False` for none, `None` for that of the environment.
        compression: Permessage-deflate, to be offered; that of `config` by default.
        config: Limits, time-outs and the rest.
        most_redirects: How many are followed.
        kind: The class of the WebSocket: the kit's has expectations, that of `reconnecting` has positions.
    """

    subprotocols: tuple[str, ...] = ()
    headers: Headers = NO_HEADERS
    ssl_context: ssl.SSLContext | None = attrs.field(
        default=None, validator=instance_of(ssl.SSLContext, optional=True)
    )
    proxy: str | Literal[False] | None = None
    compression: Deflate | None = attrs.field(default=None, validator=instance_of(Deflate, optional=True))
    config: Config = attrs.field(default=DEFAULT_CONFIG, validator=instance_of(Config))
    most_redirects: int = attrs.field(default=0, validator=whole_number(0))
    kind: type[ClientWebSocket] = ClientWebSocket
