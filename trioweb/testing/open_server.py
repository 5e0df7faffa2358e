"""A server of a test on a real port, for browsers and foreign clients."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from trioweb._server.serve import serve
from trioweb._server.server import Server
from trioweb.app import App
from trioweb.config import Config
from trioweb.failures import listen_for_failures
from trioweb.testing.bare_nursery import bare_nursery


@asynccontextmanager
async def open_server(
    app: App,
    *,
    config: Config | None = None,
    ssl_context: ssl.SSLContext | None = None,
    raise_errors: bool = True,
) -> AsyncIterator[Server]:
    """Serve an app on a free port of the loopback for a block, and give its server.

    For tests that need a real socket: with a browser, a client of another library, or `trioweb.connect(url)`. Use
    `open_client` for everything else: it is quicker, and works with any clock. Here time passes.

    Failures are raised only at the end. A client of another library has its own idea of what it met, and
    nothing connects its calls with the handlers that they reach.

    Args:
        app: The app to serve.
        config: In place of the app's own.
        ssl_context: Its certificate, to serve TLS.
        raise_errors: Whether failures of handlers are raised when the block ends, unless it raises itself.

    Raises:
        Exception: The lifespan failed, or a handler did; a group if several handlers failed.
        OSError: There is no free port.

    Cancellation: Ends the server at once: handlers are cancelled, and the lifespan is left.
    """
    failures: list[Exception] = []
    async with bare_nursery() as nursery:
        server = await nursery.start(
            _serve, app, config, ssl_context, failures if raise_errors else None, name="trioweb server"
        )
        try:
            yield server
        except BaseException:
            server.abort()
            raise
        await server.aclose()
    if len(failures) > 1:
        raise ExceptionGroup("several handlers failed", failures)
    if failures:
        raise failures[0]


async def _serve(
    app: App,
    config: Config | None,
    ssl_context: ssl.SSLContext | None,
    failures: list[Exception] | None,
    *,
    task_status: trio.TaskStatus[Server],
) -> None:
    if failures is not None:
        listen_for_failures(failures.append)
    await serve(app, port=0, config=config, ssl_context=ssl_context, task_status=task_status)
