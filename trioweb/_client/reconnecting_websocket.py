"""A WebSocket that is one of several, one after the other."""

from __future__ import annotations

from trioweb._client.positions import Positions
from trioweb._client.websocket import ClientWebSocket
from trioweb._websocket.parts import Parts
from trioweb._wire.client_handshake import Accepted
from trioweb._wire.websocket_url import WebSocketURL
from trioweb.closing import Close


class ReconnectingWebSocket(ClientWebSocket):
    """One of the connections of `reconnecting`.

    It is used like any other. With `resume`, messages come without their envelopes; only
    `receive_stream` gives a message as it was sent, and leaves the position where it is.

    Attributes:
        attempt: How many attempts this connection took, counted from the start of the loop or from
            the last stable connection: 1 if the first one succeeded.
        last_close: How the connection before this one ended; `None` if there was none.
        seconds_apart: How long there was no connection before this one; `None` if there was none.
    """

    __slots__ = ("_positions", "attempt", "last_close", "seconds_apart")

    def __init__(self, parts: Parts, url: WebSocketURL, accepted: Accepted) -> None:
        super().__init__(parts, url, accepted)
        self._positions: Positions | None = None
        self.attempt = 1
        self.last_close: Close | None = None
        self.seconds_apart: float | None = None

    @property
    def position(self) -> str | None:
        """The position of the last message, for a program that stores it; `None` without one."""
        return None if self._positions is None else self._positions.position

    async def receive(self) -> str | bytes:
        """Return the next message, without its envelope if `resume` is set.

        Raises:
            ConnectionClosed: As for every WebSocket.
            ReceiveBusy: Another task is receiving.

        Cancellation: Safe; a message is either returned, and its position kept, or it stays.
        Concurrency: One task at a time.
        """
        message = await super().receive()
        return message if self._positions is None else self._positions.opened(message)

    async def __anext__(self) -> str | bytes:
        message = await super().__anext__()
        return message if self._positions is None else self._positions.opened(message)


def keep_positions(ws: ReconnectingWebSocket, positions: Positions | None) -> None:
    """Let a WebSocket open envelopes, and keep their positions here."""
    ws._positions = positions  # noqa: SLF001
