"""A message that is received piece by piece.

A reader may leave in the middle, or before the first piece. After the first the rest of the
message is skipped, since half a message has no meaning for the next `receive`. Before it
nothing is lost: the message is received whole, by `assembled` if pieces of it have been
decoded already, and is then subject to `Limits.message_bytes` like any other.
"""

from __future__ import annotations

from typing import Any

import trio

from trioweb._websocket.inbox import Inbox, Item
from trioweb._websocket.intake import Intake
from trioweb._wire.events import Fragment
from trioweb.closing import Close, CloseCode


class MessageReader:
    """The pieces of one message, as an async iterator; one task at a time."""

    __slots__ = ("_inbox", "_intake", "is_begun", "is_unfinished")

    def __init__(self, intake: Intake, inbox: Inbox) -> None:
        self._intake = intake
        self._inbox = inbox
        self.is_begun = False
        self.is_unfinished = True

    def __aiter__(self) -> MessageReader:
        return self

    async def __anext__(self) -> str | bytes:
        """Return the next piece, of one byte or more unless the message is empty.

        Raises:
            ConnectionClosed: The connection ended before the message did.

        Cancellation: Safe; a piece is either returned or stays in the inbox.
        """
        if not self.is_unfinished:
            raise StopAsyncIteration
        item = await _next_item(self._intake, self._inbox)
        self.is_begun = True
        if not isinstance(item, Fragment):
            self.is_unfinished = False
            return item
        self.is_unfinished = not item.is_last
        if item.is_last and not item.data:
            raise StopAsyncIteration
        return item.data


async def assembled(intake: Intake, inbox: Inbox, fragment: Fragment, message_bytes: int) -> str | bytes:
    """Receive a message as a whole that was to be streamed for a reader that has left.

    Args:
        intake: Provides the rest.
        inbox: Likewise.
        fragment: The first piece. On cancellation it is put back, with all later ones.
        message_bytes: How long the message may be, since it is no longer streamed.
    """
    parts: list[Any] = [fragment.data]
    try:
        while not fragment.is_last or sum(map(len, parts)) > message_bytes:
            if sum(map(len, parts)) > message_bytes:
                intake.refuse(Close(CloseCode.MESSAGE_TOO_BIG, "a message over Limits.message_bytes"))
            following = await _next_item(intake, inbox)
            assert isinstance(following, Fragment)
            fragment = following
            parts.append(fragment.data)
    except BaseException:
        inbox.put_back(Fragment(parts[0][:0].join(parts), is_last=False))
        raise
    return parts[0][:0].join(parts)  # type: ignore[no-any-return]


async def _next_item(intake: Intake, inbox: Inbox) -> Item:
    await trio.lowlevel.checkpoint_if_cancelled()
    while not inbox.items:
        if intake.must_wait():
            inbox.task = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(inbox.forget_task)
    item = inbox.take()
    if intake.is_paused:
        intake.go_on_reading()
    return item
