"""A message that is received piece by piece.

A reader may leave before the message is complete. If it has taken a piece, the rest of the message
is discarded, since half a message has no meaning for the next `receive`. If it has taken none,
nothing is lost: the next `receive` returns the whole message, even if pieces of it have been decoded
already. The message is then subject to `Limits.message_bytes` like any other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from trioweb._websocket.intake import Intake
from trioweb._wire.events import Fragment


class MessageReader:
    """The pieces of one message, as an async iterator; one task at a time."""

    __slots__ = ("_intake", "_is_begun", "_is_unfinished")

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._is_begun = False
        self._is_unfinished = True

    def __aiter__(self) -> MessageReader:
        return self

    async def __anext__(self) -> str | bytes:
        """Return the next piece, of one byte or more unless the message is empty.

        Raises:
            ConnectionClosed: The connection ended before the message did.

        Cancellation: Safe; a piece is either returned or stays in the inbox.
        """
        if not self._is_unfinished:
            raise StopAsyncIteration
        item = await self._intake.receive_item()
        self._is_begun = True
        if not isinstance(item, Fragment):
            self._is_unfinished = False
            return item
        self._is_unfinished = not item.is_last
        if item.is_last and not item.data:
            raise StopAsyncIteration
        return item.data

    def _leave(self) -> None:
        if not self._is_begun:
            self._intake.stop_streaming()
        elif self._is_unfinished:
            self._intake.discard_rest()


@asynccontextmanager
async def reading(intake: Intake, require_open: Callable[[], None]) -> AsyncIterator[MessageReader]:
    """Receive one message in pieces; when the block ends, the next `receive` begins with a whole message."""
    intake.check_free()
    intake.is_receiving = True
    reader = MessageReader(intake)
    try:
        # A message that came before the end can still be received, as by `receive`.
        if not intake.has_received:
            require_open()
        intake.start_streaming()
        yield reader
    finally:
        intake.is_receiving = False
        reader._leave()  # noqa: SLF001 - users hold a reader, and see nothing of this
