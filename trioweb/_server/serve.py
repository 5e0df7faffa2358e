"""Serving: as a function inside your nursery, or over one stream.

How a server ends depends on how its blocks are nested:

    shutdown.begin_when_cancelled          outside the shield, so a cancellation by the caller reaches it
    shutdown.shield                        the caller's cancellation reaches nothing inside
        engine                             the tasks that all connections share
            app.lifespan
                shutdown.connections       may be cancelled by itself, before the lifespan is
                    sessions
                        acceptor           ends first

Cancelling the scope around `serve` reaches only the task that watches for it, and that task begins a
graceful shutdown. Without the shield, the cancellation would cut every connection in the middle of a
message. `Shutdown.keep_time` runs inside the shield and cancels it when the time is up, so the shield
never lasts longer than the shutdown may.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from trioweb._server.accepting import Acceptor
from trioweb._server.context import ServerContext
from trioweb._server.incoming import is_unix, peer_of
from trioweb._server.instruments import Instruments
from trioweb._server.listeners import (
    HOST,
    PORT,
    AnyListener,
    absolute_path,
    check_place,
    open_tcp,
    open_unix,
    port_of,
    remove_unix_socket,
    url_of,
)
from trioweb._server.server import Server
from trioweb._server.session import Session
from trioweb._server.shutdown import Shutdown
from trioweb._transport.engine import open_engine
from trioweb._transport.stream_transport import StreamTransport
from trioweb._web.address import Address
from trioweb._web.proxies import TrustedProxies
from trioweb.app import App, check_served, lifespan_if_entered, responder_of
from trioweb.config import Config
from trioweb.errors import ConfigError
from trioweb.exception_groups import bare_exceptions
from trioweb.newcomers import require_trio


async def serve(
    app: App,
    host: str | None = HOST,
    port: int = PORT,
    *,
    unix_path: str | os.PathLike[str] | None = None,
    listeners: Sequence[AnyListener] | None = None,
    ssl_context: ssl.SSLContext | None = None,
    config: Config | None = None,
    task_status: trio.TaskStatus[Server] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve an app until it is closed or cancelled; `nursery.start` gives its `Server`.

    Installs no signal handler and changes no global state; `run` does that.

    Args:
        app: The app to serve.
        host: A name or an address; `None` for every address of the machine.
        port: 0 lets the system choose one, which is then `server.port`.
        unix_path: Listen on a Unix socket instead of TCP, without host and port.
        listeners: Serve these instead; they are closed at the end. They may speak TLS themselves.
        ssl_context: Speak TLS on every listener.
        config: In place of the app's own.

    Raises:
        OSError: The port is in use, or the address is not this machine's.
        ConfigError: The arguments contradict each other, or the port is not from 0 to 65535.
        SetupError: An app with middleware or error handlers is included in this one, or asyncio
            is running instead of Trio.

    Cancellation: Begins a graceful shutdown, as `Server.aclose` does. It ends within
        `Timeouts.drain_seconds`, and `Cancelled` is raised then.
    """
    require_trio()
    if not isinstance(app, App):
        raise ConfigError(f"serve takes an App, not {type(app).__name__}")
    check_place(host, port, unix_path, listeners)
    check_served(app)
    config = config or app.config
    unix_path = None if unix_path is None else absolute_path(unix_path)
    if listeners is None:
        listeners = [await open_unix(unix_path)] if unix_path is not None else await open_tcp(host, port)
    instruments = Instruments()
    shutdown = Shutdown(config.timeouts, instruments)
    scheme = "http" if ssl_context is None else "https"
    server = Server(
        urls=[url_of(listener, scheme) for listener in listeners],
        port=port_of(listeners),
        shutdown=shutdown,
        instruments=instruments,
    )
    try:  # the listeners are closed even if the lifespan fails: their port has to be free then
        async with (
            _machinery(app, config, shutdown, instruments) as context,
            app.lifespan(),
        ):
            with shutdown.connections:
                async with trio.open_nursery() as sessions:
                    acceptor = Acceptor(context, sessions, ssl_context)
                    async with acceptor.accepting(listeners):
                        shutdown.is_serving = True
                        task_status.started(server)
                        await shutdown.wait_begun()
                    acceptor.drain()
            shutdown.has_drained = True
    finally:
        with trio.CancelScope(shield=True):  # waits for nobody, and what follows is for the cancelled too
            for listener in listeners:
                await trio.aclose_forcefully(listener)
        if unix_path is not None:
            remove_unix_socket(unix_path)
        shutdown.finished.set()


async def serve_stream(
    app: App,
    stream: trio.abc.Stream,
    *,
    config: Config | None = None,
    client: Address | None = None,
    scheme: str = "http",
) -> None:
    """Serve one connection over any Trio stream until it ends, then close the stream.

    The app's lifespan is not entered: that is for `serve`. If a server has entered it, it is
    not left before the stream has ended.

    Args:
        app: The app to serve.
        stream: A TCP, TLS or in-memory stream, or one of your own.
        config: In place of the app's own.
        client: The peer's address, if the stream does not know it.
        scheme: `"https"` if the stream runs over an encrypted connection.

    Raises:
        SetupError: As for `serve`.

    Cancellation: As for `serve`: a WebSocket is closed with 1001, within a deadline.
    """
    require_trio()
    check_served(app)
    config = config or app.config
    instruments = Instruments()
    shutdown = Shutdown(config.timeouts, instruments)
    async with _machinery(app, config, shutdown, instruments) as context, lifespan_if_entered(app):
        shutdown.is_serving = True
        instruments.connections = 1
        transport = StreamTransport(stream, context.engine.nursery)
        session = Session(context, transport, client or peer_of(stream), scheme, is_unix=is_unix(stream))
        with shutdown.connections:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_drain_when_begun, shutdown, session)
                await session.run()
                nursery.cancel_scope.cancel()


async def _drain_when_begun(shutdown: Shutdown, session: Session) -> None:
    await shutdown.wait_begun()
    session.drain()


@asynccontextmanager
async def _machinery(
    app: App, config: Config, shutdown: Shutdown, instruments: Instruments
) -> AsyncIterator[ServerContext]:
    """Run the shared tasks, shielded from a cancellation until the shutdown's deadline.

    Exceptions are raised without the groups of the nurseries in here. A caller of `serve` may catch
    exceptions of its lifespan, and should not have to know about these nurseries.
    """
    with bare_exceptions():
        async with trio.open_nursery() as outside:
            outside.start_soon(shutdown.begin_when_cancelled, name="trioweb cancellation watch")
            with shutdown.shield:
                async with open_engine() as engine:
                    engine.nursery.start_soon(shutdown.keep_time, name="trioweb shutdown")
                    yield ServerContext(
                        app=app,
                        responder=responder_of(app),
                        config=config,
                        engine=engine,
                        proxies=TrustedProxies(config.trusted_proxies),
                        instruments=instruments,
                        shutdown=shutdown,
                    )
            outside.cancel_scope.cancel()
