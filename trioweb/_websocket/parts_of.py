"""The parts of a connection, for rooms, the server and the client.

These are functions, so that `dir(ws)` shows none of them to users.
"""

from __future__ import annotations

from trioweb._websocket.closing_handshake import ClosingHandshake
from trioweb._websocket.connection import WebSocketConnection
from trioweb._websocket.intake import Intake
from trioweb._websocket.outlet import Outlet


def outlet_of(connection: WebSocketConnection) -> Outlet:
    """Return the outlet, through which everything is written."""
    return connection._outlet  # noqa: SLF001


def intake_of(connection: WebSocketConnection) -> Intake:
    """Return the intake, which takes input and closes for the program."""
    return connection._intake  # noqa: SLF001


def closing_of(connection: WebSocketConnection) -> ClosingHandshake:
    """Return the closing handshake, which holds the state of the connection and changes it."""
    return connection._closing  # noqa: SLF001


def require_open(connection: WebSocketConnection) -> None:
    """Accept the handshake if it has not been accepted.

    Raises:
        ConnectionClosed: The connection has ended.
        HandshakeRejected: The handshake was answered with another response.
    """
    connection._require_open()  # noqa: SLF001
