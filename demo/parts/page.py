"""Every program of the gallery has a page, and a command line that serves it alone.

A page requests everything by a relative URL. So the same app works at `/`, when its program runs
alone, and at `/NAME/`, where the gallery includes it.
"""

from __future__ import annotations

import argparse
import ssl
from pathlib import Path

import trioweb
from trioweb import App, File, Request

PAGES = Path(__file__).parents[1] / "pages"


def add_page(app: App, name: str) -> None:
    """Serve `pages/NAME.html` at `/`, and the style sheet and scripts of all pages under `/shared`."""

    @app.get("/")
    async def page(request: Request) -> File:
        return File(PAGES / f"{name}.html")

    app.static("/shared", PAGES / "shared")


def serve_alone(app: App) -> None:
    """Serve an app as the whole program, with the port and certificate of the command line."""
    parser = command_line()
    parser.add_argument("--certfile", metavar="FILE", help="speak TLS with this certificate chain (PEM)")
    parser.add_argument("--keyfile", metavar="FILE", help="its private key, if that is in a file of its own")
    arguments = parser.parse_args()
    context = None
    if arguments.certfile:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(arguments.certfile, arguments.keyfile)
    trioweb.run(app, port=arguments.port, ssl_context=context)


def command_line() -> argparse.ArgumentParser:
    """Return a parser that knows `--port`, which every program has."""
    parser = argparse.ArgumentParser(description="Serve one page of the gallery until Ctrl-C.")
    parser.add_argument("--port", type=int, default=8000, help="0 lets the system choose one (%(default)s)")
    return parser
