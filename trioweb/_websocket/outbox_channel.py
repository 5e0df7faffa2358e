"""The sending half of a WebSocket by itself."""

from __future__ import annotations

from typing import Protocol

import attrs
import trio

from trioweb._websocket.outbox import Outbox


@attrs.frozen(kw_only=True)
class OutboxStatistics:
    """What an outbox holds and has done.

    Attributes:
        messages: Messages that wait, as `Limits.outbox_messages` counts them: each piece of one that
            is sent by `send_stream` is one, and so is the close frame.
        bytes: Bytes that wait, frame headers and control frames included.
        high_water_bytes: The most bytes that ever waited.
        drops: Messages that an overflow policy took out or did not let in.
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
    """A `trio.abc.SendChannel` of messages; hand it to code that only sends."""

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
        """Close the WebSocket with 1000: it has no halves that close apart (RFC 6455 §7)."""
        await self._connection.aclose()

    def statistics(self) -> OutboxStatistics:
        """Return what waits in the outbox, the most that ever did, and what was dropped."""
        outbox = self._outbox
        return OutboxStatistics(
            messages=outbox.messages,
            bytes=outbox.held_bytes,
            high_water_bytes=outbox.high_water_bytes,
            drops=outbox.drops,
            is_full=not outbox.fits(1),
        )
