"""Serving: as a function inside your nursery, over one stream, or as the whole program."""

from __future__ import annotations

import logging
import os
import signal
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import trio

from trioweb._connection.engine import open_engine
from trioweb._connection.stream_transport import StreamTransport
from trioweb._server.accepting import Acceptor
from trioweb._server.context import ServerContext
from trioweb._server.instruments import Instruments
from trioweb._server.listeners import (
    AnyListener,
    PortInUse,
    absolute_path,
    check_port,
    is_unix,
    open_tcp,
    open_unix,
    peer_of,
    port_of,
    remove_unix_socket,
    url_of,
)
from trioweb._server.server import Server
from trioweb._server.session import Session
from trioweb._server.shutdown import Shutdown
from trioweb._web.address import Address
from trioweb._web.proxies import TrustedProxies
from trioweb.app import App
from trioweb.config import Config
from trioweb.errors import ConfigError
from trioweb.exception_groups import bare_exceptions
from trioweb.newcomers import require_trio

logger = logging.getLogger("trioweb")


async def serve(
    app: App,
    host: str | None = "127.0.0.1",
    port: int = 8000,
    *,
    unix_path: str | os.PathLike[str] | None = None,
    listeners: Sequence[AnyListener] | None = None,
    ssl_context: ssl.SSLContext | None = None,
    config: Config | None = None,
    task_status: trio.TaskStatus[Server] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve an app until it is closed or cancelled; `nursery.start` gives its `Server`.

    Installs no signal handler and touches nothing global; `run` does that.

    Args:
        app: What to serve.
        host: A name or an address; `None` for every address of the machine.
        port: 0 lets the system choose one: `server.port` tells.
        unix_path: Listen on a Unix socket instead of TCP.
        listeners: Serve these instead; they are closed at the end. TLS may be in them.
        ssl_context: Speak TLS on every listener.
        config: In place of the app's own.

    Raises:
        OSError: The port is in use, or the address is not this machine's.
        ConfigError: The arguments contradict each other, or the port is not from 0 to 65535.
        SetupError: An app with middleware or error handlers is included in this one, or not Trio
            but asyncio runs this.

    Cancellation: Begins a graceful shutdown as `Server.aclose` does, which ends within
        `Timeouts.drain_seconds`, and is passed on then.
    """
    require_trio()
    if not isinstance(app, App):
        raise ConfigError(f"serve takes an App, not {type(app).__name__}")
    if listeners is not None and unix_path is not None:
        raise ConfigError("give serve either listeners or unix_path, not both")
    app.check()
    config = config or app.config
    unix_path = None if unix_path is None else absolute_path(unix_path)
    if listeners is None:
        listeners = [await open_unix(unix_path)] if unix_path is not None else await open_tcp(host, port)
    shutdown, instruments = Shutdown(config.timeouts), Instruments()
    scheme = "http" if ssl_context is None else "https"
    server = Server(
        urls=[url_of(listener, scheme) for listener in listeners],
        port=port_of(listeners),
        shutdown=shutdown,
        instruments=instruments,
    )
    try:
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
    finally:
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
    """Serve one connection over any Trio stream, to its end; the stream is closed then.

    The app's lifespan is not entered: it belongs to `serve`.

    Args:
        app: What to serve.
        stream: A TCP, TLS or in-memory stream, or one of your own.
        config: In place of the app's own.
        client: Where the peer is, if the stream cannot tell.
        scheme: `"https"` when what carries the stream is encrypted.

    Raises:
        SetupError: As `serve`.

    Cancellation: As `serve`: 1001 to a WebSocket, then a deadline.
    """
    require_trio()
    app.check()
    config = config or app.config
    shutdown, instruments = Shutdown(config.timeouts), Instruments()
    async with _machinery(app, config, shutdown, instruments) as context:
        shutdown.is_serving = True
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
    """Run the shared tasks, shielded from a cancellation until the shutdown's deadline."""
    with bare_exceptions():
        async with trio.open_nursery() as outside:
            outside.start_soon(shutdown.begin_when_cancelled, name="trioweb cancellation watch")
            with shutdown.shield:
                async with open_engine() as engine:
                    yield ServerContext(
                        app=app,
                        config=config,
                        engine=engine,
                        proxies=TrustedProxies(config.trusted_proxies),
                        instruments=instruments,
                        shutdown=shutdown,
                    )
            outside.cancel_scope.cancel()


def run(
    app: App,
    host: str | None = "127.0.0.1",
    port: int = 8000,
    *,
    unix_path: str | os.PathLike[str] | None = None,
    listeners: Sequence[AnyListener] | None = None,
    ssl_context: ssl.SSLContext | None = None,
    config: Config | None = None,
) -> None:
    """Serve an app as the whole program, until SIGINT or SIGTERM.

    The first signal shuts down gracefully, a second one at once. If the program has not
    set up logging, messages of level INFO go to standard error.

    Args:
        app: What to serve.
        host: As for `serve`, and so are the others.
        port: As for `serve`.
        unix_path: As for `serve`.
        listeners: As for `serve`.
        ssl_context: As for `serve`.
        config: As for `serve`.

    Raises:
        OSError: The port is in use, or the address is not this machine's.
        ConfigError: The arguments contradict each other, or the port is not from 0 to 65535.
        SetupError: An app with middleware or error handlers is included in this one.
    """
    check_port(port)
    if not logging.getLogger().handlers:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    serving: Callable[..., Awaitable[None]] = partial(
        serve,
        app,
        host,
        port,
        unix_path=unix_path,
        listeners=listeners,
        ssl_context=ssl_context,
        config=config,
    )
    try:
        trio.run(run_until_signal, serving, _log_urls)
    except PortInUse as error:
        # Not this program's fault, so without the way the exception took through Trio.
        raise OSError(error.errno, error.strerror) from None


def _log_urls(server: Server) -> None:
    for url in server.urls:
        logger.info("serving on %s (stop with Ctrl-C)", url)


async def run_until_signal(
    serving: Callable[..., Awaitable[object]], announce: Callable[[Server], None]
) -> None:
    """Serve until SIGINT or SIGTERM: the first is graceful, a second ends it at once.

    Args:
        serving: Takes `task_status` and starts with a `Server`, as `serve` does.
        announce: Called with it.
    """
    with bare_exceptions(), trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            server: Server = await nursery.start(serving)
            announce(server)
            nursery.start_soon(_stop_on_signals, signals, server)
            await server.wait_closed()
            nursery.cancel_scope.cancel()


async def _stop_on_signals(signals: AsyncIterator[int], server: Server) -> None:
    await anext(signals)
    logger.info("shutting down; a second signal ends it at once")
    server.stop()
    await anext(signals)
    server.abort()
