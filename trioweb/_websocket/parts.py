"""The parts of one WebSocket, put together."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import trio

from trioweb._transport.engine import Engine
from trioweb._transport.observed_transport import ObservedTransport, WireObserver
from trioweb._transport.transport import Transport
from trioweb._websocket.closing_handshake import ClosingHandshake
from trioweb._websocket.inbox import Inbox
from trioweb._websocket.intake import Intake
from trioweb._websocket.keepalive import Keepalive
from trioweb._websocket.outlet import Outlet
from trioweb._wire.websocket import WebSocketWire
from trioweb.config import Limits, Timeouts


class Parts(NamedTuple):
    """The parts of a connection.

    They are made before the WebSocket that a handler holds. So the server and rooms can hold the
    parts that they need, and the WebSocket does not show any of them. References go one way:
    intake, keepalive, closing, outlet. The two that go the other way, from a transport to its
    receiver and from the outlet to the closing handshake, are released at the end.

    Attributes:
        inbox: The received messages that wait for the handler.
        intake: Fills the inbox from the transport.
        outlet: Writes everything that is sent.
        closing: Holds the state of the connection, and ends it.
        keepalive: Notices that the peer is gone.
    """

    inbox: Inbox
    intake: Intake
    outlet: Outlet
    closing: ClosingHandshake
    keepalive: Keepalive

    def open(
        self, wire: WebSocketWire, answer: bytes, early_input: bytes, observer: WireObserver | None = None
    ) -> None:
        """Open the connection: begin to read, and send the handshake's answer.

        Args:
            wire: The frames' grammar as it was negotiated.
            answer: The bytes of the 101 response; none from a client.
            early_input: Bytes that came together with the handshake.
            observer: Sees all bytes after the handshake.
        """
        transport = self.outlet.transport
        if observer is not None:
            transport = ObservedTransport(transport, observer)
            observer.skip_sent(len(answer))
        self.outlet.open(wire, transport, self.closing)
        self.closing.open()
        self.intake.open(wire, transport)
        transport.start(self.intake, self.outlet)
        self.keepalive.start()
        if answer:
            self.outlet.begin_with(answer)
        if early_input:
            if observer is not None:
                observer.received(early_input)
            self.intake.data_received(early_input, trio.current_time())


class Handshake(Protocol):
    """A handshake that has not been accepted."""

    def check_not_rejected(self) -> None:
        """Raise `HandshakeRejected` if it was answered with a response other than 101."""

    def accept(self) -> str | None:
        """Answer it with 101, open the connection, and return the subprotocol."""
        ...


def put_together(
    transport: Transport,
    engine: Engine,
    *,
    limits: Limits,
    timeouts: Timeouts,
    closing_kind: type[ClosingHandshake] = ClosingHandshake,
    intake_kind: type[Intake] = Intake,
) -> Parts:
    """Make the parts of a connection whose handshake has not been answered yet."""
    inbox = Inbox(most_messages=limits.inbox_messages, most_bytes=limits.inbox_bytes)
    outlet = Outlet(transport, engine, inbox=inbox, limits=limits, send_seconds=timeouts.send_seconds)
    closing = closing_kind(outlet, engine.timers, timeouts)
    keepalive = Keepalive(closing, outlet, engine.timers, timeouts)
    intake = intake_kind(
        inbox,
        outlet,
        closing,
        keepalive,
        engine.flusher,
        close_seconds=timeouts.close_seconds,
        message_bytes=limits.message_bytes,
    )
    return Parts(inbox, intake, outlet, closing, keepalive)
