"""The objects that all sessions of one server share."""

from __future__ import annotations

import attrs

from trioweb._server.instruments import Instruments
from trioweb._server.shutdown import Shutdown
from trioweb._transport.engine import Engine
from trioweb._web.proxies import TrustedProxies
from trioweb.app import App
from trioweb.config import Config
from trioweb.responder import Responder


@attrs.frozen(kw_only=True)
class ServerContext:
    """The application and the objects that serve it.

    They are in one object, because each session would otherwise take eight arguments, and an idle
    connection would hold eight references instead of one.

    Attributes:
        app: The application, for its state.
        responder: Turns a request into a response, with the app's routes and middleware.
        config: The settings of this server, which may differ from the app's own.
        engine: The tasks that all connections share: reading, flushing, deadlines.
        proxies: The trusted proxies, which name the client.
        instruments: The counters that sessions write.
        shutdown: Whether new requests may begin, and how WebSockets are closed.
        warned_handlers: The identities of handlers whose mistake has been logged; the routes keep
            them alive.
    """

    app: App
    responder: Responder
    config: Config
    engine: Engine
    proxies: TrustedProxies
    instruments: Instruments
    shutdown: Shutdown
    warned_handlers: set[int] = attrs.field(factory=set[int])
