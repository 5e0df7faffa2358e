"""Serves an app as the command line asks, until a signal ends it.

`trioweb.run` does nearly the same. The difference is who reads the errors: a port in use or a
certificate that is not there becomes one line here, and only the application's own exceptions
keep their tracebacks. So the listeners are opened before the application's lifespan begins, and
errors of the two cannot be confused.
"""

from __future__ import annotations

import errno
import logging
import os
import ssl
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import trio

from trioweb._cli.refusal import FAILED, USAGE, Refusal
from trioweb._server.listeners import AnyListener, open_tcp, open_unix
from trioweb._server.program import run_until_signal
from trioweb._server.serve import serve
from trioweb._server.server import Server
from trioweb._server.signals import EndingSignals
from trioweb.app import App
from trioweb.errors import ConfigError


@dataclass(frozen=True)
class Place:
    """Where to listen: on a Unix socket if there is a path, else on a port of a host."""

    host: str
    port: int
    unix_path: str | None

    def __str__(self) -> str:
        return self.unix_path or f"{self.host} port {self.port}"


def serve_until_signal(app: App, place: Place, ssl_context: ssl.SSLContext | None, *, log_level: str) -> None:
    """Print where the app is served, and serve it until SIGINT, SIGTERM or SIGHUP."""
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    serving = partial(_serve, app, place, ssl_context)
    with EndingSignals(app.config.timeouts.drain_seconds) as signals:
        trio.run(run_until_signal, serving, _print_urls, signals)


def tls_context(certfile: str | None, keyfile: str | None) -> ssl.SSLContext | None:
    """Load a certificate and its key; without a certificate there is no TLS."""
    if not certfile:
        if keyfile:
            raise Refusal("--keyfile needs --certfile, the certificate that the key is for", USAGE)
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certfile, keyfile)
    except OSError as error:  # ssl.SSLError is one
        raise Refusal(
            f"the certificate cannot be loaded from {certfile}: {error.strerror or error}", FAILED
        ) from None
    return context


def _print_urls(server: Server) -> None:
    for url in server.urls:
        print(f"Serving on {url} - stop with Ctrl-C", flush=True)


async def _serve(
    app: App, place: Place, ssl_context: ssl.SSLContext | None, *, task_status: trio.TaskStatus[Server]
) -> None:
    listeners = await _open_listeners(place)
    try:
        await serve(app, listeners=listeners, ssl_context=ssl_context, task_status=task_status)
    finally:
        if place.unix_path:
            with suppress(FileNotFoundError):
                os.unlink(place.unix_path)


async def _open_listeners(place: Place) -> list[AnyListener]:
    try:
        if place.unix_path:
            return [await open_unix(place.unix_path)]
        return [*await open_tcp(place.host, place.port)]
    except ConfigError as error:
        raise Refusal(str(error), USAGE) from None
    except OSError as error:
        raise Refusal(_cannot_listen(error, place), FAILED) from None


def _cannot_listen(error: OSError, place: Place) -> str:
    if error.errno == errno.EADDRINUSE:
        other = "another path with --unix" if place.unix_path else "another port with --port"
        return f"{place} is in use: stop the program that listens there, or choose {other}"
    return f"cannot listen on {place}: {error.strerror or error}"
