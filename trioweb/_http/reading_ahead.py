"""Reading on during a response: holding or discarding the bytes that no task has asked for.

A socket reports that its client has left, by the end of input or by a reset, only to a task that
reads. A response without an end of its own, such as a stream of events, would therefore never
notice. So a task reads on during the response, and has to hold or discard the bytes that arrive. The
same task serves clients that read their response only after they have sent their whole request.
Without it, this side would wait for the client to read, and the client for this side.

Bytes are held at first, up to a bound: `AHEAD_BYTES` and one read. Without it, a client could fill
the memory with requests that are never answered. At the bound, three questions decide what is done:
does a task **want** the body, how much has **arrived**, and how far has the **response** got?

| held bytes belong to     | below the bound | above it | long response | nothing moves | the input ends |
|--------------------------|-----------------|----------|---------------|---------------|----------------|
| a body being read        | read on         | wait     | wait          | wait          | left, later    |
| a body that nobody wants | read on         | wait     | discard       | discard       | left           |
| later requests           | read on         | wait     | wait          | left          | left           |

"Long response" and "nothing moves" apply above the bound. A response is long once more than
`WRITE_BYTES` of it have been made. "Nothing moves" means that for `Timeouts.body_seconds` no piece of
the body is taken, and no piece of the response is handed over or being sent. Sending has deadlines of
its own, so this does not apply to a client that reads slowly. "Left" ends reading ahead: the client counts as gone.

The reasons, row by row:

- A reader gets everything that the client sent, at its own pace. The client's pace has deadlines
  already, one for each piece that it owes (`BodyPace`). If the client ends its side, it has left
  only when the reader has everything or takes nothing more.
- A body that no task has begun to read by the time a long response is on its way will not be
  read: its handler has returned. While the response is short it waits, because a source may
  yield a first line before it reads. A reader that comes after some of it was discarded gets an
  error with the reason, never the rest.
- Later requests cannot be discarded, since they will have their turn. If more of them arrive than
  may be held, reading stops, and the end of the input is not noticed. If nothing is sent to the
  client either, it counts as gone after a while. The alternative was to keep its handler for as long
  as the kernel keeps the connection.

A body can become wanted late, and unwanted again (`DisconnectWatch.discarding`). So each round looks
the row up, and the only thing remembered is that some of the body was discarded.
"""

from __future__ import annotations

from typing import Protocol

import trio

from trioweb._http.link import Link
from trioweb._transport.transport import WRITE_BYTES
from trioweb.errors import RemoteProtocolError

AHEAD_BYTES = 64 * 1024
"""How many bytes that no task has asked for may be held, not counting the read that exceeds the bound."""


class Incoming(Protocol):
    """The body as reading ahead sees it: an `IncomingBody`, which is defined in terms of this module."""

    is_closed: bool
    is_wanted: bool
    is_discarded: bool
    moved: trio.Event | None

    @property
    def is_to_come(self) -> bool:
        """Whether there is a body that has not been taken to its end."""
        ...

    def take(self) -> bytes | None:
        """Take the next piece of what has arrived."""
        ...

    async def feed_ahead(self) -> bool:
        """Wait for more; `False` when the client has ended its side."""
        ...


class ReadingAhead:
    """Reads on during the response to one request, by the table above.

    Args:
        body: The body of that request, through which everything is read.
        link: The link to the client.
    """

    __slots__ = ("_body", "_link")

    def __init__(self, body: Incoming, link: Link) -> None:
        self._body = body
        self._link = link

    async def run(self) -> None:
        """Read until the client has left, or counts as gone.

        Cancellation: Safe; everything that was read is held, and the next call continues there.
        """
        body = self._body
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
            # The response is on its way already, and `Http1Connection.finish` will meet the same
            # error and close. The wire drops all input from here on, so only the end is awaited.
            is_enough = True
        await trio.lowlevel.checkpoint()  # a client that sends fast must not keep the scheduler to itself
        return is_enough or await self._body.feed_ahead()

    async def _wait_for_reader(self) -> bool:
        """Wait until the reader has taken the body to its end, although the client has ended its side."""
        while self._body.is_wanted and self._body.is_to_come and await self._wait_for_move():
            pass
        return False

    async def _wait_for_move(self) -> bool:
        """Wait until something moves; `False` if nothing does for `Timeouts.body_seconds`."""
        self._body.moved = moved = trio.Event()
        with self._link.timers.move_on_after(self._link.timeouts.body_seconds):
            await moved.wait()
            return True
        return self._link.sent_bytes < self._link.begun_bytes  # a piece is on its way
