"""One attempt to connect: how far it got, and the error for its failure.

Everything that can go wrong here comes from somewhere else: the resolver, the kernel, OpenSSL, a proxy, a
stream of the program's own. This is the border at which it all becomes a `ConnectFailed` that names the phase.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import trio

from trioweb._wire.proxy_tunnel import Proxy
from trioweb._wire.websocket_url import WebSocketURL
from trioweb.errors import ConnectFailed, ConnectTimedOut, Phase, TriowebError
from trioweb.exception_groups import leaf_exceptions


class PendingResponse(Protocol):
    """A request whose response is incomplete: a `ClientHandshake`, or a `ProxyTunnel`."""

    def give_up(self) -> None:
        """Raise the error for the part that has arrived, if it says enough."""


class Attempt:
    """Keeps the phase that an attempt is in, and translates its failures.

    Attributes:
        url: Where it leads to now; a redirect changes that.
        proxy: The proxy that it goes through, if any; often only the environment names it.
        pending: The response that it waits for, if it waits for one.
    """

    def __init__(self, url: WebSocketURL) -> None:
        self.url = url
        self.proxy: Proxy | None = None
        self.pending: PendingResponse | None = None
        self._phase: Phase = "TCP"

    @contextmanager
    def during(self, phase: Phase) -> Iterator[None]:
        """Run a step of this phase.

        Raises:
            ConnectFailed: The step has failed, for any reason.
            TriowebError: Part of a refusal has arrived, which says more.
        """
        self._phase = phase
        try:
            yield
        except TriowebError:
            raise
        # Any exception, for a resolver or a stream may be the program's own.
        except Exception as error:
            if self.pending is not None:
                self.pending.give_up()
            raise ConnectFailed(f"{self._way}: {_reasons(error, phase)}", phase) from error

    def time_out(self, seconds: float) -> ConnectTimedOut:
        """Return the error for an attempt that has taken too long.

        Raises:
            TriowebError: Part of a refusal has arrived, which says more.
        """
        if self.pending is not None:
            self.pending.give_up()
        return ConnectTimedOut(
            f"{self._way}: no connection within {seconds:g} s (Timeouts.connect_seconds)", self._phase
        )

    @property
    def _way(self) -> str:
        return str(self.url) if self.proxy is None else f"{self.url} through the proxy {self.proxy}"


def _reasons(error: Exception, phase: Phase) -> str:
    """Return the reasons at the bottom of an error.

    Trio's own "all attempts to connect failed" has them in its cause, one for each address.
    """
    cause = error.__cause__
    if isinstance(error, trio.BrokenResourceError) and isinstance(cause, ssl.SSLError):
        error = cause
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not valid: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
        peer, scheme = ("proxy", "http") if phase == "proxy" else ("server", "ws")
        return f"the {peer} does not speak TLS on this port; without TLS, its URL begins with {scheme}://"
    if isinstance(error, OSError) and cause is not None:
        return "; ".join(dict.fromkeys(str(leaf) for leaf in leaf_exceptions(cause)))
    return str(error) or type(error).__name__
