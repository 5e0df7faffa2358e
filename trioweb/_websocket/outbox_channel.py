"""The sending half of a WebSocket as a channel of its own."""

from __future__ import annotations

from typing import Protocol

import attrs
import trio

from trioweb._websocket.outbox import Outbox


@attrs.frozen(kw_only=True)
class OutboxStatistics:
    """The numbers of an outbox.

    Attributes:
        messages: Waiting messages, as `Limits.outbox_messages` counts them: each piece of a
            message sent by `send_stream` is one, and so is the close frame.
        bytes: Waiting bytes, including frame headers and control frames.
        high_water_bytes: The most bytes that have ever waited.
        drops: Messages that an overflow policy removed or did not accept.
        is_full: Whether `send` would wait.
    """

    messages: int
    bytes: int
    high_water_bytes: int
    drops: int
    is_full: bool


class Sender(Protocol):
    """The connection behind the channel."""

    async def send(self, message: str | bytes) -> None:
        """Queue one message, waiting for room."""

    def send_nowait(self, message: str | bytes) -> None:
        """Queue one message or raise."""

    async def aclose(self) -> None:
        """Close the connection."""


class OutboxChannel(trio.abc.SendChannel[str | bytes]):
    """A `trio.abc.SendChannel` of messages, for code that only sends."""

    def __init__(self, connection: Sender, outbox: Outbox) -> None:
        self._connection = connection
        self._outbox = outbox

    async def send(self, value: str | bytes) -> None:
        """Queue one message, waiting while the outbox is full; see `WebSocket.send`."""
        await self._connection.send(value)

    def send_nowait(self, value: str | bytes) -> None:
        """Queue one message or raise `OutboxFull`; see `WebSocket.send_nowait`."""
        self._connection.send_nowait(value)

    async def aclose(self) -> None:
        """Close the WebSocket with 1000: its halves cannot be closed separately (RFC 6455 §7)."""
        await self._connection.aclose()

    def statistics(self) -> OutboxStatistics:
        """Return the numbers of the outbox."""
        outbox = self._outbox
        return OutboxStatistics(
            messages=outbox.messages,
            bytes=outbox.held_bytes,
            high_water_bytes=outbox.high_water_bytes,
            drops=outbox.drops,
            is_full=not outbox.fits(1),
        )
