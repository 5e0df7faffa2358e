"""What every server of the comparison is told: `python FILE PORT [--tls CERT KEY] [--deflate] [--loop NAME]`."""

from __future__ import annotations

import argparse
import asyncio
import ssl
from collections.abc import Coroutine
from dataclasses import dataclass

HOST = "127.0.0.1"

MESSAGE_BYTES = 16 * 1024 * 1024
"""The size limit of messages in every server that has one."""


@dataclass(frozen=True)
class Settings:
    """The command line, read."""

    port: int
    certificate: str | None
    key: str | None
    deflates: bool
    loop: str

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return what serves TLS, or `None` when that was not asked for."""
        if self.certificate is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context


def read_settings() -> Settings:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"), default=(None, None))
    parser.add_argument("--deflate", action="store_true")
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    options = parser.parse_args()
    certificate, key = options.tls
    return Settings(options.port, certificate, key, options.deflate, options.loop)


def run_on_loop(settings: Settings, main: Coroutine[object, object, None]) -> None:
    """Run `main` on the requested event loop."""
    if settings.loop == "uvloop":
        import uvloop

        uvloop.run(main)
    else:
        asyncio.run(main)
