"""The command line: `trioweb run`, `trioweb routes`, `trioweb demo`.

What the user can put right is one line on standard error. A bug in the user's own module
is shown as Python shows it, without the frames that led there.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import logging
import os
import ssl
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

import trio

import trioweb
from trioweb._routing.route import HttpRoute, Route
from trioweb._server.listeners import HOST, PORT, open_tcp, open_unix
from trioweb._server.program import run_until_signal
from trioweb._server.serve import serve
from trioweb._server.server import Server
from trioweb._server.signals import EndingSignals
from trioweb.app import App
from trioweb.errors import ConfigError
from trioweb.signatures import label, short_name

FAILED = 1
USAGE = 2
LOG_LEVELS = ("critical", "error", "warning", "info", "debug")

_INSTEAD = {
    "--reload": 'watchfiles "trioweb run MODULE:APP" restarts it when a file changes (pip install watchfiles)',
    "--workers": "a server is one process: start several, each on a port of its own, behind a proxy",
}
"""What is done instead of options that other servers have."""


class _Refusal(Exception):
    """What the user is told in one line, and the exit status."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _Refusal(f"{message} (see {self.prog} --help)", USAGE)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Args:
        argv: The arguments without the program's name; those of the process unless given.

    Returns:
        0 also after Ctrl-C, 1 when the command failed, 2 when it was given wrongly.
    """
    try:
        arguments, unknown = _parser().parse_known_args(argv)
        for option in {text.partition("=")[0] for text in unknown} & set(_INSTEAD):
            arguments.parser.error(f"there is no {option}: {_INSTEAD[option]}")
        if unknown:  # `parse_args` would name the help of the whole, which lists no command's options
            arguments.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
        arguments.command(arguments)
    except _Refusal as refusal:
        print(f"trioweb: {refusal}", file=sys.stderr)
        return refusal.status
    except KeyboardInterrupt:  # before the server takes the signal
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="trioweb", description="A web framework for Trio in which WebSockets come first.")
    parser.add_argument("--version", action="version", version=f"trioweb {trioweb.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="serve an app", description="Serve an app until Ctrl-C.")
    run.set_defaults(command=_run, parser=run)
    run.add_argument("app", metavar="MODULE:APP", help="such as main:app or package.module:app")
    run.add_argument("--host", default=HOST, help="name or address to listen on (%(default)s)")
    _add_port(run)
    run.add_argument("--unix", metavar="PATH", help="listen on a Unix socket instead")
    _add_certificate(run)
    _add_log_level(run, "info")

    routes = commands.add_parser("routes", help="list an app's routes", description="List an app's routes.")
    routes.set_defaults(command=_routes, parser=routes)
    routes.add_argument("app", metavar="MODULE:APP", help="such as main:app or package.module:app")

    demo = commands.add_parser(
        "demo", help="serve the gallery", description="Serve the gallery, ten pages to try, until Ctrl-C."
    )
    demo.set_defaults(command=_demo, parser=demo, host="127.0.0.1", unix=None)
    _add_port(demo)
    _add_certificate(demo)
    _add_log_level(demo, "warning")
    return parser


def _add_port(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, default=PORT, help="0 lets the system choose one (%(default)s)")


def _add_certificate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--certfile", metavar="FILE", help="speak TLS with this certificate chain (PEM)")
    parser.add_argument("--keyfile", metavar="FILE", help="its private key, if that is in a file of its own")


def _add_log_level(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--log-level", choices=LOG_LEVELS, default=default, help=f"{', '.join(LOG_LEVELS)} (%(default)s)"
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


# The commands.


def _run(arguments: argparse.Namespace) -> None:
    if arguments.unix and (arguments.host is not HOST or arguments.port is not PORT):
        raise _Refusal("give either --unix or --host and --port: a server listens on one of them", USAGE)
    ssl_context = _ssl_context(arguments)
    _look_in(os.getcwd())
    _serve(_app_named(arguments.app), arguments, ssl_context)


def _routes(arguments: argparse.Namespace) -> None:
    _look_in(os.getcwd())
    rows = [("METHODS", "PATH", "NAME", "HANDLER"), *map(_row, _app_named(arguments.app).routes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(route: Route) -> tuple[str, str, str, str]:
    methods = ", ".join(sorted(route.methods)) if isinstance(route, HttpRoute) else "WebSocket"
    return methods, route.path, route.name or short_name(route.handler), label(route.handler)


def _demo(arguments: argparse.Namespace) -> None:
    ssl_context = _ssl_context(arguments)
    package = Path(trioweb.__file__).parent
    # A wheel has the gallery inside the package, a checkout beside it. The folder above an installed
    # package is everybody's: a `demo` in there may be another's, and only the file tells them apart.
    places = (package / "_demo", package.parent / "demo")
    folders = [folder for folder in places if (folder / "gallery.py").is_file()]
    if not folders:
        raise _Refusal("the gallery is neither in this installation nor beside it", FAILED)
    _look_in(str(folders[0]))
    _serve(_app_named("gallery:app"), arguments, ssl_context)


# Finding the app.


def _look_in(folder: str) -> None:
    sys.path.insert(0, folder)


def _app_named(target: str) -> App:
    module_name, _, path = target.partition(":")
    if module_name.endswith(".py") or os.sep in module_name:
        name = f"{Path(module_name).stem}:{path or 'app'}"
        raise _Refusal(f"{module_name!r} is a file: expected a module, such as {name} in its folder", USAGE)
    if not all(module_name.split(".")) or not path:
        raise _Refusal(f"{target!r} names no app: expected MODULE:APP, such as main:app", USAGE)
    found: Any = _imported(module_name)
    for name in path.split("."):
        if not hasattr(found, name):
            raise _Refusal(f"{module_name!r} has no attribute {path!r}{_apps_of(module_name)}", USAGE)
        found = getattr(found, name)
    if not isinstance(found, App):
        raise _Refusal(
            f"{target!r} is of type {type(found).__name__}: expected an App{_apps_of(module_name)}", USAGE
        )
    return found


def _apps_of(module_name: str) -> str:
    names = [name for name, value in vars(sys.modules[module_name]).items() if isinstance(value, App)]
    return f" (its apps: {', '.join(names)})" if names else ""


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # The named module or a package above it; whatever else is missing is missing in there.
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise _Refusal(f"there is no module {error.name!r} here or on Python's path", USAGE) from None
        _fail_with_traceback(error, name)
    except Exception as error:
        _fail_with_traceback(error, name)


def _fail_with_traceback(error: Exception, name: str) -> NoReturn:
    traceback.print_exception(error.with_traceback(_own_frames(error.__traceback__)))
    raise _Refusal(f"the module {name!r} cannot be imported: see above", FAILED)


def _own_frames(frames: TracebackType | None) -> TracebackType | None:
    """Leave out this file's frame and the import machinery's at the top."""
    while frames is not None and (
        frames.tb_frame.f_code.co_filename in (__file__, importlib.__file__)
        or frames.tb_frame.f_code.co_filename.startswith("<frozen importlib")
    ):
        frames = frames.tb_next
    return frames


# Serving.


def _serve(app: App, arguments: argparse.Namespace, ssl_context: ssl.SSLContext | None) -> None:
    logging.basicConfig(
        level=arguments.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    serving = partial(_serve_or_refuse, app, arguments, ssl_context)
    with EndingSignals(app.config.timeouts.drain_seconds) as signals:
        trio.run(run_until_signal, serving, _print_urls, signals)


def _print_urls(server: Server) -> None:
    for url in server.urls:
        print(f"Serving on {url} - stop with Ctrl-C", flush=True)


async def _serve_or_refuse(
    app: App,
    arguments: argparse.Namespace,
    ssl_context: ssl.SSLContext | None,
    *,
    task_status: trio.TaskStatus[Server],
) -> None:
    # Opened here, so that what the user can put right is told apart from errors of the app.
    try:
        if arguments.unix:
            listeners = [await open_unix(arguments.unix)]
        else:
            listeners = await open_tcp(arguments.host, arguments.port)
    except ConfigError as error:
        raise _Refusal(str(error), USAGE) from None
    except OSError as error:
        raise _Refusal(_cannot_listen(error, arguments), FAILED) from None
    try:
        await serve(app, listeners=listeners, ssl_context=ssl_context, task_status=task_status)
    finally:
        if arguments.unix:
            with suppress(FileNotFoundError):
                os.unlink(arguments.unix)


def _cannot_listen(error: OSError, arguments: argparse.Namespace) -> str:
    place = arguments.unix or f"{arguments.host} port {arguments.port}"
    if error.errno == errno.EADDRINUSE:
        other = "another path with --unix" if arguments.unix else "another port with --port"
        return f"{place} is in use: stop the program that listens there, or choose {other}"
    return f"cannot listen on {place}: {error.strerror or error}"


def _ssl_context(arguments: argparse.Namespace) -> ssl.SSLContext | None:
    if not arguments.certfile:
        if arguments.keyfile:
            raise _Refusal("--keyfile needs --certfile, the certificate that the key is for", USAGE)
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(arguments.certfile, arguments.keyfile)
    except OSError as error:  # ssl.SSLError is one
        raise _Refusal(
            f"the certificate cannot be loaded from {arguments.certfile}: {error.strerror or error}", FAILED
        ) from None
    return context
