"""What every session of one server shares."""

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
    """The application and what serves it, in one object: otherwise each session would take eight arguments.

    It is the same for all connections, so it is not copied: an idle connection holds one reference.

    Attributes:
        app: The application, for its state.
        responder: What the app does with a request.
        config: The settings of this server, which may differ from the app's own.
        engine: The tasks that all connections share: reading, flushing, deadlines.
        proxies: The trusted proxies, which name the client.
        instruments: What sessions count.
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
