"""The WebSocket that a handler holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs
import trio

from trioweb._transport.engine import Engine
from trioweb._transport.observed_transport import WireObserver
from trioweb._transport.transport import Transport
from trioweb._web.namespace import Namespace
from trioweb._web.request import Request
from trioweb._web.response import Response
from trioweb._websocket.connection import WebSocketConnection
from trioweb._wire.handshake import Accepted, encode_accept
from trioweb._wire.websocket import WebSocketWire
from trioweb.closing import Close
from trioweb.config import Limits, Timeouts
from trioweb.errors import HandshakeRejected, LocalProtocolError
from trioweb.foreign_names import WEBSOCKET, explaining
from trioweb.headers import HeaderSource, MutableHeaders


@attrs.define(kw_only=True)
class Handshake:
    """A handshake that may be accepted, and what that takes.

    Attributes:
        accepted: What was negotiated.
        offered_subprotocols: What the client can speak.
        headers: Fields of the 101 response, middleware's included.
        early_input: Takes the bytes that came right behind the request.
        reject: Sends another response instead.
        observer: Is shown the bytes that follow.
    """

    accepted: Accepted
    offered_subprotocols: tuple[str, ...]
    headers: MutableHeaders
    early_input: Callable[[], bytes]
    reject: Callable[[Response], Awaitable[None]]
    fast_lane: bool = True
    observer: WireObserver | None = None


@explaining(WEBSOCKET)
class WebSocket(WebSocketConnection):
    """One WebSocket, with the request that opened it.

    Any number of tasks may send, ping and close at the same time; one may receive.
    The first use accepts the handshake; `accept` does it by hand, `reject` refuses it.

    Attributes:
        request: The handshake's request: headers, query, cookies, client address.
        nursery: For tasks that live as long as the connection and the handler. When the
            handler returns, they are cancelled; when one raises, the handler is, and the
            connection ends with 1011.
    """

    # No `__dict__`: what a program keeps with a connection has its place in `state`.
    __slots__ = (
        "_handshake",
        "_is_draining",
        "_limits",
        "_on_accept",
        "_rejected_with",
        "_subprotocol",
        "nursery",
        "request",
    )
    nursery: trio.Nursery

    def __init__(
        self,
        transport: Transport,
        engine: Engine,
        *,
        request: Request,
        handshake: Handshake,
        limits: Limits,
        timeouts: Timeouts,
    ) -> None:
        super().__init__(transport, engine, limits=limits, timeouts=timeouts)
        self.request = request
        self._limits = limits
        self._handshake: Handshake | None = handshake
        self._subprotocol: str | None = None
        self._is_draining = False
        self._rejected_with: int | None = None
        self._on_accept: Callable[[], None] | None = None

    def __repr__(self) -> str:
        return f"<WebSocket {self.request.raw_path} {self.closed or self._closing.state.name.lower()}>"

    @property
    def path_params(self) -> Mapping[str, Any]:
        """What the route's path matched, converted."""
        return self.request.path_params

    @property
    def state(self) -> Namespace:
        """A dict of your own, shared with what middleware put into `request.state`."""
        return self.request.state

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that was agreed on, once accepted (RFC 6455 §1.9)."""
        return self._subprotocol

    @property
    def is_accepted(self) -> bool:
        """Whether the handshake has been answered with 101."""
        return self._wire is not None

    @property
    def is_rejected(self) -> bool:
        """Whether the handshake has been answered with another response."""
        return self._rejected_with is not None

    def on_accept(self, callback: Callable[[], None]) -> None:
        """Call `callback` once, when the handshake has been accepted."""
        self._on_accept = callback

    def observe_wire(self, *, received: Callable[[bytes], None], sent: Callable[[bytes], None]) -> None:
        """Be shown every byte behind the handshake, as it was read and as it is written.

        For seeing what happens: captures, protocol analysers, lessons. With TLS it is the
        plaintext. How the bytes are cut means nothing: a piece may hold several frames, or
        part of one. A failure ends the observing, is logged, and changes nothing else.

        Args:
            received: Is given what came from the peer, before it is acted on.
            sent: Is given what is on its way to the peer.

        Raises:
            LocalProtocolError: The handshake was accepted before, or an observer is there.
            HandshakeRejected: The handshake was rejected before.

        Concurrency: Both are called in the midst of reading and writing, where other
            connections wait for them. They must not take long, nor use this WebSocket.
        """
        if self.is_accepted:
            raise LocalProtocolError("the WebSocket was accepted before: observe_wire() comes first of all")
        self._check_not_rejected()
        handshake = self._pending_handshake()
        if handshake.observer is not None:
            raise LocalProtocolError("the wire is observed already: one observe_wire() to a WebSocket")
        handshake.observer = WireObserver(received, sent)

    async def accept(self, *, subprotocol: str | None = None, headers: HeaderSource = ()) -> None:
        """Answer the handshake with 101 Switching Protocols.

        Only needed to choose the subprotocol or to add headers: the first use accepts too.

        Args:
            subprotocol: One that the client offered; the first of the route's that it
                offered unless given.
            headers: More fields for the response.

        Raises:
            LocalProtocolError: It was accepted before, or the client did not offer
                `subprotocol`, or a field would break the handshake.
            HandshakeRejected: It was rejected before.

        Cancellation: Atomic.
        """
        await trio.lowlevel.checkpoint()
        if self.is_accepted:
            raise LocalProtocolError("the WebSocket was accepted before: accept() comes before any other use")
        self._check_not_rejected()
        offered = self._pending_handshake().offered_subprotocols
        if subprotocol is not None and subprotocol not in offered:
            raise LocalProtocolError(
                f"the client did not offer the subprotocol {subprotocol!r}, but {', '.join(offered) or 'none'}"
            )
        self._accept(subprotocol, headers)

    async def reject(self, response: Response) -> None:
        """Answer the handshake with an HTTP response of your own; then return.

        Args:
            response: Any but 101; usually an error status.

        Raises:
            LocalProtocolError: The handshake was accepted before.
            HandshakeRejected: It was rejected before.

        Cancellation: The response may be cut off.
        """
        if self.is_accepted:
            raise LocalProtocolError("the WebSocket was accepted before: close it with aclose(code, reason)")
        self._check_not_rejected()
        handshake = self._pending_handshake()
        self.refused_with(response.status)
        await handshake.reject(response)

    def refused_with(self, status: int) -> None:
        """Note that the handshake is being answered with this status: nothing works any more."""
        self._rejected_with = status
        self._closing.lose()

    def start_draining(self, close: Close) -> None:
        """Close because the server does; before it is accepted, refuse to, and let the handler's grace begin."""
        if self.is_accepted:
            self.start_closing(close, is_by_handler=False)
        else:
            self._is_draining = True
            self._closing.lose()

    def _accept_by_itself(self) -> None:
        self._accept(None, ())

    def _require_accepted(self) -> None:
        self._check_not_rejected()
        super()._require_accepted()

    def _check_not_rejected(self) -> None:
        if self._rejected_with is not None:
            raise HandshakeRejected(self._rejected_with, "the handshake was rejected before")

    def _pending_handshake(self) -> Handshake:
        assert self._handshake is not None  # it is let go of when it has been answered with 101
        return self._handshake

    def _accept(self, subprotocol: str | None, headers: HeaderSource) -> None:
        self._check_not_rejected()
        if self._is_draining:
            raise HandshakeRejected(503, "the server is shutting down: it opens no WebSocket any more")
        handshake = self._pending_handshake()
        accepted = handshake.accepted
        if subprotocol is not None:
            accepted = attrs.evolve(accepted, subprotocol=subprotocol)
        fields = handshake.headers.lines()
        if headers:
            fields += MutableHeaders(headers).lines()
        answer = encode_accept(accepted, fields)
        wire = WebSocketWire(
            message_bytes=self._limits.message_bytes,
            message_fragments=self._limits.message_fragments,
            deflate=accepted.deflate,
            fast_lane=handshake.fast_lane,
        )
        self._subprotocol = accepted.subprotocol
        self._handshake = None
        self.open(wire, answer, handshake.early_input(), handshake.observer)
        on_accept, self._on_accept = self._on_accept, None
        if on_accept is not None:
            on_accept()
