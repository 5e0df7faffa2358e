"""The WebSocket that a handler holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import trio

from trioweb._transport.observed_transport import WireObserver
from trioweb._web.namespace import Namespace
from trioweb._web.opening import Opening
from trioweb._web.request import Request
from trioweb._web.response import Response
from trioweb._websocket.connection import WebSocketConnection
from trioweb._websocket.parts import Parts
from trioweb.errors import LocalProtocolError
from trioweb.foreign_names import WEBSOCKET, explaining
from trioweb.headers import HeaderSource


@explaining(WEBSOCKET)
class WebSocket(WebSocketConnection):
    """One WebSocket, with the request that opened it.

    Any number of tasks may send, ping and close at the same time; one may receive.
    The first use accepts the handshake; `accept` does so explicitly, `reject` refuses it.

    Attributes:
        request: The handshake's request: headers, query, cookies, client address.
        nursery: For tasks that live as long as the connection and the handler. When the
            handler returns, they are cancelled; when one raises, the handler is cancelled, and
            the connection is closed with 1011.
    """

    # No `__dict__`: what a program keeps with a connection has its place in `state`.
    __slots__ = ("nursery", "request")
    nursery: trio.Nursery

    def __init__(self, parts: Parts, opening: Opening, request: Request) -> None:
        super().__init__(parts, opening)
        self.request = request

    def __repr__(self) -> str:
        return f"<WebSocket {self.request.raw_path} {self.closed or self._closing.state.name.lower()}>"

    @property
    def path_params(self) -> Mapping[str, Any]:
        """The converted values of the path's parameters."""
        return self.request.path_params

    @property
    def state(self) -> Namespace:
        """A dict for values of your own; it is also the `request.state` of middleware."""
        return self.request.state

    @property
    def subprotocol(self) -> str | None:
        """The negotiated subprotocol, once the handshake is accepted (RFC 6455 §1.9)."""
        return self._subprotocol

    @property
    def is_accepted(self) -> bool:
        """Whether the handshake has been answered with 101."""
        return self._intake.wire is not None

    @property
    def is_rejected(self) -> bool:
        """Whether the handshake has been answered with another response."""
        return isinstance(self._handshake, Opening) and self._handshake.rejected_with is not None

    def observe_wire(self, *, received: Callable[[bytes], None], sent: Callable[[bytes], None]) -> None:
        """Observe every byte after the handshake, as it is read and as it is written.

        For captures, protocol analysers and lessons. With TLS, observers get the plaintext. The
        boundaries of the pieces have no meaning: a piece may contain several frames, or part of
        one. If an observer raises, the exception is logged and neither is called again; the
        connection goes on.

        Args:
            received: Called with bytes from the peer, before they are processed.
            sent: Called with bytes on their way to the peer.

        Raises:
            LocalProtocolError: The handshake has already been accepted, or there is already an
                observer.
            HandshakeRejected: The handshake has already been rejected.

        Concurrency: Both are called during reading and writing, while other connections wait.
            They must return quickly, and must not use this WebSocket.
        """
        opening = self._still_opening("observe_wire() comes first of all")
        opening.observe_wire(WireObserver(received, sent))

    async def accept(self, *, subprotocol: str | None = None, headers: HeaderSource = ()) -> None:
        """Answer the handshake with 101 Switching Protocols.

        Only needed to choose the subprotocol or to add headers: the first use accepts too.

        Args:
            subprotocol: One that the client offered; by default the first of the route's
                subprotocols that it offered.
            headers: More fields for the response.

        Raises:
            LocalProtocolError: It has already been accepted, or the client did not offer
                `subprotocol`, or a field would break the handshake.
            HandshakeRejected: It has already been rejected.

        Cancellation: Atomic.
        """
        await trio.lowlevel.checkpoint()
        opening = self._still_opening("accept() comes before any other use")
        opening.check_not_rejected()
        opening.check_offered(subprotocol)
        self._subprotocol = opening.accept(subprotocol, headers)
        self._handshake = None

    async def reject(self, response: Response) -> None:
        """Answer the handshake with an HTTP response of your own; afterwards, return from the handler.

        Args:
            response: Any response but 101; usually one with an error status.

        Raises:
            LocalProtocolError: The handshake has already been accepted.
            HandshakeRejected: It has already been rejected.

        Cancellation: The response may be cut off.
        """
        await self._still_opening("close it with aclose(code, reason)").reject(response)

    def _still_opening(self, instead: str) -> Opening:
        if not isinstance(self._handshake, Opening):
            raise LocalProtocolError(f"the WebSocket was accepted before: {instead}")
        return self._handshake
