"""A handshake that has not been answered yet, and what is needed to answer it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs

from trioweb._transport.observed_transport import WireObserver
from trioweb._web.response import Response
from trioweb._web.switching import SwitchingProtocols
from trioweb._websocket.parts import Parts
from trioweb._wire.handshake import encode_accept
from trioweb._wire.websocket import WebSocketWire
from trioweb.config import Limits
from trioweb.errors import HandshakeRejected, LocalProtocolError
from trioweb.headers import HeaderSource, MutableHeaders


class Opening:
    """Accepts a handshake with 101 Switching Protocols, or refuses it with another response.

    It refers to the parts of the connection and not to the WebSocket that a handler holds,
    which lets go of it when the handshake has been accepted.

    Attributes:
        is_draining: Whether the server is shutting down, and no longer opens WebSockets.
        rejected_with: The status that refused it, if it was refused.
    """

    __slots__ = (
        "_early_input",
        "_fast_lane",
        "_limits",
        "_observer",
        "_on_accept",
        "_parts",
        "_reject",
        "_switching",
        "is_draining",
        "rejected_with",
    )

    def __init__(
        self,
        parts: Parts,
        switching: SwitchingProtocols,
        *,
        early_input: Callable[[], bytes],
        reject: Callable[[Response], Awaitable[None]],
        on_accept: Callable[[], None],
        limits: Limits,
        fast_lane: bool,
    ) -> None:
        """Keep what an answer needs.

        Args:
            parts: The parts of the connection.
            switching: What was agreed on, with the headers that middleware has added.
            early_input: Takes the bytes that came right after the request.
            reject: Sends another response instead.
            on_accept: Called when the handshake has been accepted.
            limits: How long messages may be.
            fast_lane: Whether plain frames are decoded without wsproto.
        """
        self._parts = parts
        self._switching = switching
        self._early_input = early_input
        self._reject: Callable[[Response], Awaitable[None]] | None = reject
        self._on_accept: Callable[[], None] | None = on_accept
        self._limits = limits
        self._fast_lane = fast_lane
        self._observer: WireObserver | None = None
        self.is_draining = False
        self.rejected_with: int | None = None

    def observe_wire(self, observer: WireObserver) -> None:
        """Show the bytes that follow the handshake.

        Raises:
            LocalProtocolError: Another observer already sees them.
            HandshakeRejected: The handshake was rejected before.
        """
        self.check_not_rejected()
        if self._observer is not None:
            raise LocalProtocolError("the wire is observed already: one observe_wire() to a WebSocket")
        self._observer = observer

    def check_offered(self, subprotocol: str | None) -> None:
        """Refuse a subprotocol that the client did not offer.

        Raises:
            LocalProtocolError: It did not.
        """
        offered = self._switching.agreement.offered_subprotocols
        if subprotocol is not None and subprotocol not in offered:
            raise LocalProtocolError(
                f"the client did not offer the subprotocol {subprotocol!r}, but {', '.join(offered) or 'none'}"
            )

    def accept(self, subprotocol: str | None = None, headers: HeaderSource = ()) -> str | None:
        """Answer with 101, and open the connection.

        Args:
            subprotocol: The one to speak; by default the negotiated one.
            headers: More fields for the response.

        Returns:
            The subprotocol.

        Raises:
            HandshakeRejected: The handshake was rejected before, or the server is shutting down.
            LocalProtocolError: A field cannot be sent, or is one of the handshake's own.
        """
        self.check_not_rejected()
        if self.is_draining:
            raise HandshakeRejected(503, "the server is shutting down and accepts no more WebSockets")
        agreement = self._switching.agreement
        if subprotocol is not None:
            agreement = attrs.evolve(agreement, subprotocol=subprotocol)
        fields = self._switching.headers.lines()
        if headers:
            fields += MutableHeaders(headers).lines()
        answer = encode_accept(agreement, fields)
        wire = WebSocketWire(
            message_bytes=self._limits.message_bytes,
            message_fragments=self._limits.message_fragments,
            deflate=agreement.deflate,
            fast_lane=self._fast_lane,
        )
        self._parts.open(wire, answer, self._early_input(), self._observer)
        if self._on_accept is not None:
            self._on_accept()
        return agreement.subprotocol

    async def reject(self, response: Response) -> None:
        """Answer with another response.

        Raises:
            HandshakeRejected: The handshake was rejected before.
        """
        self.check_not_rejected()
        self.rejected_with = response.status
        self._parts.closing.reject()
        if self._reject is not None:
            await self._reject(response)

    def let_go(self) -> None:
        """The handler has returned. A WebSocket that was not accepted keeps this, which must not lead back."""
        self._on_accept = self._reject = None

    def check_not_rejected(self) -> None:
        """Let nothing happen after a rejection.

        Raises:
            HandshakeRejected: The handshake was rejected before.
        """
        if self.rejected_with is not None:
            raise HandshakeRejected(self.rejected_with, "the handshake was rejected before")

    def drain(self) -> None:
        """Accept no more, since the server is shutting down, and let the handler's grace begin."""
        self.is_draining = True
        self._parts.closing.reject()
