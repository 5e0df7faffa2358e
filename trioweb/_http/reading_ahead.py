"""Reading on beside a response, and what becomes of the bytes that nobody has asked for.

TCP tells that a client has left, by its end of input or by a reset, only to a reader. So whoever
wants to know, such as a stream of events that never ends by itself, has to read on while the
response is made; and what comes then has to go somewhere. The same is needed for a client that
reads its response only after it has sent its whole request: while this side waits for it to read,
and it waits for this side to read, neither moves.

Bytes are held first. That has a bound, `AHEAD_BYTES` and one read; a client could fill the memory
otherwise by sending requests that it never lets finish. What is done at the bound depends on three
questions: does somebody **want** the body, how much has **come**, and how far is the **response**?

| the bytes belong to    | below the bound | above it       | response is long  | nothing moved for   | the client has ended |
|                        |                 |                | (`WRITE_BYTES`)   | `body_seconds`      | its side             |
|------------------------|-----------------|----------------|-------------------|---------------------|----------------------|
| a body that is read    | read on         | wait           | wait              | wait                | left, once the       |
|                        |                 |                |                   |                     | reader takes no more |
| a body that nobody has | read on         | wait           | throw away        | throw away          | left                 |
| begun to read          |                 |                |                   |                     |                      |
| requests after it      | read on         | wait           | wait              | left                | left                 |

Why so:

- A reader gets all that the client sent, however slowly it reads. Its pace is its own, as is the
  deadline of each piece that the client owes it (`BodyPace`).
- A body that nobody has begun to read while a long response is made is not going to be read: its
  handler returned. But it waits while the response is short, for a source may begin with a line
  of its own and read then. What was thrown away once cannot be read any more, and whoever tries
  learns why.
- Later requests cannot be thrown away: they will be answered, or not, in turn. Above the bound they
  hide the client's end. If then nothing is sent to it either, it counts as gone after a while: the
  other choice would be to hold its handler for ever.
- "Moves" means that a piece was taken, or that a piece of the response is to be sent or on its
  way. Sending has deadlines of its own (`Timeouts.send_seconds`), so a slow one is no silence.

A body may be wanted only later, or no longer (`IncomingBody.discarding`), so the row is looked up
in each round and nothing of it is remembered, but that something was thrown away.
"""

from __future__ import annotations

from typing import Protocol

import trio

from trioweb._http.link import Link
from trioweb._transport.transport import WRITE_BYTES
from trioweb.errors import RemoteProtocolError

AHEAD_BYTES = 64 * 1024
"""How much may be held of what nobody has asked for, and one read more."""


class Incoming(Protocol):
    """What reading ahead needs of the body: an `IncomingBody`, which makes it."""

    is_wanted: bool
    is_discarded: bool
    moved: trio.Event | None

    @property
    def is_to_come(self) -> bool:
        """Whether there is a body that was not taken to its end."""
        ...

    def take(self) -> bytes | None:
        """Take the next piece of what has come."""
        ...

    async def feed_ahead(self) -> bool:
        """Wait for more; `False` when the client has ended its side."""
        ...


class ReadingAhead:
    """Reads on as the table above has it, beside the one request that it is made for.

    Args:
        body: The request's. It holds what is read.
        link: To the client.
    """

    __slots__ = ("_body", "_link")

    def __init__(self, body: Incoming, link: Link) -> None:
        self._body = body
        self._link = link

    async def run(self) -> None:
        """Read until the client has left, or counts as gone.

        Cancellation: Safe; what was read is held, and the next one goes on there.
        """
        body = self._body
        if not body.is_to_come:
            body.take()  # the end, which the wire has to have said before it takes more
        is_here = True
        while is_here:
            if self._link.wire.held_bytes < AHEAD_BYTES:
                is_here = await body.feed_ahead() or await self._wait_for_reader()
            elif self._may_discard():
                is_here = await self._discard()
            elif not await self._wait_for_move():
                is_here = body.is_to_come
                body.is_discarded = is_here and not body.is_wanted

    def _may_discard(self) -> bool:
        body = self._body
        if body.is_wanted or not body.is_to_come:
            return False
        return body.is_discarded or self._link.begun_bytes > WRITE_BYTES

    async def _discard(self) -> bool:
        self._body.is_discarded = True
        try:
            is_enough = self._body.take() is not None
        except RemoteProtocolError:
            # The response is on its way already; `Http1Connection.finish` will find the same, and
            # close. The wire holds nothing any more, so from here on only the end is waited for.
            is_enough = True
        await trio.lowlevel.checkpoint()  # a client that sends fast must not keep the scheduler
        return is_enough or await self._body.feed_ahead()

    async def _wait_for_reader(self) -> bool:
        """Let the one who reads the body have it to its end, though the client has ended its side."""
        while self._body.is_wanted and self._body.is_to_come and await self._wait_for_move():
            pass
        return False

    async def _wait_for_move(self) -> bool:
        """Wait until something is sent, or taken of what is held; `False` if that takes too long."""
        self._body.moved = moved = trio.Event()
        with self._link.timers.move_on_after(self._link.timeouts.body_seconds):
            await moved.wait()
            return True
        return self._link.sent_bytes < self._link.begun_bytes  # a piece is on its way
