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
    """The application and the machinery around it; one object instead of ten arguments.

    Attributes:
        app: For its state; what it does with a request is the responder's.
        warned_handlers: By identity, those whose mistake has been logged; the routes keep them alive.
    """

    app: App
    responder: Responder
    config: Config
    engine: Engine
    proxies: TrustedProxies
    instruments: Instruments
    shutdown: Shutdown
    warned_handlers: set[int] = attrs.field(factory=set[int])
