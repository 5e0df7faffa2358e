"""The command line: `trioweb run`, `trioweb routes`, `trioweb connect`, `trioweb demo`.

A mistake that the user can correct is one line on standard error. A bug in the user's own module
is shown as Python shows it, without the frames that led there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import trioweb
from trioweb._cli.connect_arguments import add_connect_arguments, connect_as_asked
from trioweb._cli.refusal import FAILED, USAGE, Refusal
from trioweb._cli.serving import Place, serve_until_signal, tls_context
from trioweb._cli.target import find_app
from trioweb._routing.route import HttpRoute, Route
from trioweb._server.listeners import HOST, PORT
from trioweb.signatures import label, short_name

LOG_LEVELS = ("critical", "error", "warning", "info", "debug")

_INSTEAD = {
    "--reload": 'watchfiles "trioweb run MODULE:APP" restarts it when a file changes (pip install watchfiles)',
    "--workers": "a server is one process: start several, each on a port of its own, behind a proxy (a room reaches one process)",
}
"""What to do instead, for options that other servers have."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refusal(f"{message} (see {self.prog} --help)", USAGE)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Args:
        argv: The arguments without the program's name; those of the process unless given.

    Returns:
        0 also after Ctrl-C, 1 when the command failed, 2 when its arguments are wrong. `trioweb
        connect` has others, which its help lists.
    """
    try:
        arguments, unknown = _parser().parse_known_args(argv)
        for option in {text.partition("=")[0] for text in unknown} & set(_INSTEAD):
            arguments.parser.error(f"there is no {option}: {_INSTEAD[option]}")
        if unknown:  # `parse_args` would name the general help, which does not list the options of commands
            arguments.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
        return arguments.command(arguments) or 0
    except Refusal as refusal:
        if sys.stderr is not None:  # if it is closed, `print` would take standard output
            print(f"trioweb: {refusal}", file=sys.stderr)
        return refusal.status
    except KeyboardInterrupt:  # before the server takes the signal
        return 0


# The arguments.


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="trioweb", description="A web framework for Trio in which WebSockets come first.")
    parser.add_argument("--version", action="version", version=f"trioweb {trioweb.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="serve an app", description="Serve an app until Ctrl-C.")
    run.set_defaults(command=_run, parser=run)
    _add_target(run)
    run.add_argument("--host", default=HOST, help="host name or address to listen on (%(default)s)")
    _add_port(run)
    run.add_argument("--unix", metavar="PATH", help="Unix socket to listen on, instead of a host and a port")
    _add_certificate(run)
    _add_log_level(run, "info")

    routes = commands.add_parser("routes", help="list an app's routes", description="List an app's routes.")
    routes.set_defaults(command=_routes, parser=routes)
    _add_target(routes)

    connect = commands.add_parser("connect", help="talk to a WebSocket")
    connect.set_defaults(command=connect_as_asked, parser=connect)
    add_connect_arguments(connect)

    demo = commands.add_parser(
        "demo",
        help="serve a gallery of examples",
        description="Serve a gallery of ten example pages until Ctrl-C.",
    )
    demo.set_defaults(command=_demo, parser=demo, host="127.0.0.1", unix=None)
    _add_port(demo)
    _add_certificate(demo)
    _add_log_level(demo, "warning")
    return parser


def _add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "app",
        metavar="APP",
        help="MODULE:NAME, such as main:app or package.module:app; or a file, such as main.py or "
        "main.py:site (without a NAME, it is app)",
    )


def _add_port(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port",
        type=_port,
        default=PORT,
        help="port to listen on; 0 lets the system choose a free one (%(default)s)",
    )


def _add_certificate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--certfile", metavar="FILE", help="certificate chain (PEM): serve over TLS")
    parser.add_argument(
        "--keyfile", metavar="FILE", help="private key, if it is not in the certificate's file"
    )


def _add_log_level(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--log-level", choices=LOG_LEVELS, default=default, help="log this level and above (%(default)s)"
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


# The commands.


def _run(arguments: argparse.Namespace) -> None:
    if arguments.unix and (arguments.host is not HOST or arguments.port is not PORT):
        raise Refusal("give either --unix or --host and --port: a server listens on one of them", USAGE)
    _serve(arguments.app, arguments)


def _routes(arguments: argparse.Namespace) -> None:
    rows = [("METHODS", "PATH", "NAME", "HANDLER"), *map(_row, find_app(arguments.app).routes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(route: Route) -> tuple[str, str, str, str]:
    methods = ", ".join(sorted(route.methods)) if isinstance(route, HttpRoute) else "WebSocket"
    return methods, route.path, route.name or short_name(route.handler), label(route.handler)


def _demo(arguments: argparse.Namespace) -> None:
    package = Path(trioweb.__file__).parent
    # A wheel has the gallery inside the package, a checkout has it beside the package. The folder
    # beside an installed package is shared by all packages, and a `demo` in it may be another's.
    places = (package / "_demo", package.parent / "demo")
    galleries = [str(folder / "gallery.py") for folder in places if (folder / "gallery.py").is_file()]
    if not galleries:
        raise Refusal("the gallery is neither in this installation nor beside it", FAILED)
    _serve(galleries[0], arguments)


def _serve(target: str, arguments: argparse.Namespace) -> None:
    # The certificate comes first: a wrong one is reported before an app takes its time to import.
    ssl_context = tls_context(arguments.certfile, arguments.keyfile)
    place = Place(arguments.host, arguments.port, arguments.unix)
    serve_until_signal(find_app(target), place, ssl_context, log_level=arguments.log_level)
