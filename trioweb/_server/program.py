"""Runs a server as the whole program, until a signal ends it.

`serve` runs in a nursery of the program and changes no global state. `run` is for a program that is
only a server: it also starts Trio, handles signals, and sets up logging if the program has not.

Both write out the same parameters. `**options` with a `TypedDict` would declare them once for type checkers,
but hide them from `help(trioweb.run)` and from many editors. Only `serve` explains them.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import trio

from trioweb._server.listeners import HOST, PORT, AnyListener, PortInUse, check_place
from trioweb._server.serve import serve
from trioweb._server.server import Server
from trioweb._server.signals import EndingSignals
from trioweb.app import App
from trioweb.config import Config
from trioweb.errors import ConfigError, SetupError
from trioweb.exception_groups import bare_exceptions

logger = logging.getLogger("trioweb")


def run(
    app: App,
    host: str | None = HOST,
    port: int = PORT,
    *,
    unix_path: str | os.PathLike[str] | None = None,
    listeners: Sequence[AnyListener] | None = None,
    ssl_context: ssl.SSLContext | None = None,
    config: Config | None = None,
) -> None:
    """Serve an app as the whole program, until SIGINT, SIGTERM or SIGHUP.

    The first signal shuts down gracefully, or cancels the start; a second one ends the server
    at once. The process ends within `Timeouts.drain_seconds` of the first and within about two
    seconds of the second. Code that cannot be cancelled is ended by force, with status 128 plus
    the signal's number. If the program has not set up logging, messages of level INFO go to
    standard error.

    Args:
        app: The app to serve.
        host: As for `serve`, and so is every other argument.

    Raises:
        OSError: The port is in use, or the address is not this machine's.
        ConfigError: The arguments contradict each other, or the port is not from 0 to 65535.
        SetupError: Trio is already running, or an app with middleware or error handlers is included in
            this one.
        RuntimeError: This is not the main thread, the only one that may handle signals.
    """
    if not isinstance(app, App):
        raise ConfigError(
            f"trioweb.run takes an App, not {app!r}: write trioweb.run(app), or in a shell trioweb run MODULE:APP"
        )
    if trio.lowlevel.in_trio_run():
        raise SetupError(
            "trioweb.run(app) starts Trio, which runs already: write await nursery.start(trioweb.serve, app)"
        )
    settings = config or app.config
    # The signals come first: one that arrives while the server is starting must not be lost.
    with EndingSignals(settings.timeouts.drain_seconds) as signals:
        check_place(host, port, unix_path, listeners)
        # A program that has set up logging keeps its setup. Without any setup, no message would be shown.
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
            trio.run(run_until_signal, serving, _log_urls, signals)
        except PortInUse as error:
            # The program has no bug, so a traceback through Trio would not explain anything.
            raise OSError(error.errno, error.strerror) from None


def _log_urls(server: Server) -> None:
    for url in server.urls:
        logger.info("serving on %s (stop with Ctrl-C)", url)


async def run_until_signal(
    serving: Callable[..., Awaitable[object]], announce: Callable[[Server], None], signals: EndingSignals
) -> None:
    """Serve until a signal: the first ends the start or is graceful, a second ends it at once.

    Args:
        serving: Takes `task_status` and starts with a `Server`, as `serve` does.
        announce: Is called with the server when it listens.
        signals: Counts the signals, including those that arrived before this call.
    """
    # The start may take long, for instance if a lifespan connects to a database. It has a scope of its own.
    # Cancelling the nursery's scope would also cancel the server itself, which has to end in its own time.
    starting = trio.CancelScope()
    server: Server | None = None

    def heed(count: int) -> None:
        if count == 1:
            what = "the start is cancelled" if server is None else "shutting down"
            logger.info("%s; a second signal ends it at once", what)
        if server is None:
            starting.cancel()
        elif count == 1:
            server.stop()
        else:
            server.abort()

    with bare_exceptions(), signals.heeded_by(heed):
        async with trio.open_nursery() as nursery:
            with starting:
                server = await nursery.start(serving)
            if server is None:
                return
            signals.is_serving = True
            if signals.count:  # they arrived in the last instant of the start
                (server.stop if signals.count == 1 else server.abort)()
            else:
                announce(server)
            await server.wait_closed()
            nursery.cancel_scope.cancel()
