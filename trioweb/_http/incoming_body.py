"""The body of one request, from its first byte until it has been read, thrown away or cut off."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext

import trio

from trioweb._http.body_pace import BodyPace
from trioweb._http.departure import Departure
from trioweb._http.link import Link
from trioweb._http.reading_ahead import AHEAD_BYTES, ReadingAhead
from trioweb._transport.transport import WRITE_BYTES
from trioweb._wire.http1 import Body, EndOfBody, NeedData
from trioweb._wire.request_head import RequestHead
from trioweb.config import Limits
from trioweb.errors import BodyTooLarge, LocalProtocolError

DISCARDED_BYTES = 256 * 1024
"""How much of a body that nobody read is thrown away to keep a connection. A new connection costs the
client a round trip or three; reading much more than this would cost it longer."""


class IncomingBody:
    """Hands out the body of one request, as it comes.

    Each request has one of its own, also a request without a body. When the request is finished
    its body is over, for good: a task that is late, and still holds it, gets an error, and can
    never take what belongs to the next request.

    Args:
        link: To the client.
        head: The request's; `None` makes a body that is over, for a connection without a request.

    Attributes:
        has_ended: Whether all of it has been taken, by a reader or to be thrown away.
        is_wanted: Whether somebody has begun to read it.
        is_discarded: Whether some of it was thrown away, so that nobody can read the rest.
        moved: Set when something of it is taken, or a piece of the response is to be sent.

    Concurrency: One task reads. Beside it one may read ahead, and one may finish the request.
    """

    __slots__ = (
        "_content_bytes",
        "_departure",
        "_excess",
        "_is_over",
        "_is_too_slow",
        "_link",
        "_owes_continue",
        "_pace",
        "_receiving",
        "_taken_bytes",
        "has_ended",
        "is_discarded",
        "is_wanted",
        "moved",
    )

    def __init__(self, link: Link, head: RequestHead | None) -> None:
        self._link = link
        self._content_bytes = 0 if head is None else head.content_bytes
        self._owes_continue = head is not None and head.expects_continue
        self.has_ended = self._is_over = head is None
        self.is_wanted = self.is_discarded = self._is_too_slow = False
        self._taken_bytes = 0
        # Made when they are asked for: few requests have a body, and hardly any is watched.
        self._pace: BodyPace | None = None
        self._excess = ""  # what is wrong with its announced length
        self._receiving: trio.Lock | None = None
        self._departure: Departure | None = None
        self.moved: trio.Event | None = None

    @property
    def is_to_come(self) -> bool:
        """Whether the request has a body that was not taken to its end."""
        return not self.has_ended and self._content_bytes != 0

    @property
    def must_be_last(self) -> bool:
        """Whether no request can follow, since this body will not be read to its end.

        Where the next request begins would not be known (RFC 9112 §9.3). A peer that was not
        asked to continue may send its body or not: nobody could tell that from a request
        (RFC 9110 §10.1.1). And one that was too slow is not waited for any longer.
        """
        if self._is_too_slow:
            return True
        left_bytes = (self._content_bytes or 0) - self._taken_bytes
        return not self.has_ended and (self._owes_continue or left_bytes > DISCARDED_BYTES)

    def limit(self, limits: Limits) -> None:
        """Say how long it may be, and how slow.

        To be called for each request with a body, before any of it is received: before that the
        wire gives nothing of it.

        Raises:
            BodyTooLarge: It is announced to be longer. So does every attempt to read it.
        """
        self._pace = BodyPace(self._link.timeouts.body_seconds, limits.body_bytes_per_second)
        try:
            self._link.wire.limit_body(limits.body_bytes)
        except BodyTooLarge as error:
            self._excess = str(error)
            raise

    # Reading.

    async def receive(self) -> bytes:
        """Return the next piece, `b""` at the end.

        Raises:
            BodyTooLarge: It is longer than its limit, or announced to be.
            RemoteProtocolError: It is malformed, incomplete or too slow (408).
            LocalProtocolError: The request was answered, or the body thrown away, since nobody
                read it beside its response.

        Cancellation: Safe; a piece is returned or still to come.
        """
        self._check_readable()
        self.is_wanted = True
        if self._taken_bytes and self.is_to_come and self._link.wire.held_bytes:
            await trio.lowlevel.checkpoint()  # pieces of what has come must not keep the scheduler
            self._check_readable()
        while (piece := self.take()) is None:
            await self._send_continue()
            await self._feed_in_time()
            self._check_readable()
        return piece

    def _check_readable(self) -> None:
        """Refuse to read what is another's by now; asked again after each wait."""
        if self._excess:
            raise BodyTooLarge(self._excess)
        if self._is_over:
            raise LocalProtocolError(
                "the request was answered, and what was left of its body thrown away: read it before"
            )
        if self.is_discarded:
            seconds = self._link.timeouts.body_seconds
            raise LocalProtocolError(
                f"the request's body was thrown away: {AHEAD_BYTES} bytes of it had come and nobody had begun"
                f" to read it, while {WRITE_BYTES} bytes of the response were made, or nothing was sent for"
                f" {seconds} s (Timeouts.body_seconds). Read it, or begin to, before that"
            )

    def take(self) -> bytes | None:
        """Take the next piece of what has come: `b""` at the end, `None` when more is needed.

        Raises:
            RemoteProtocolError: It is malformed, too long or incomplete.
        """
        if self.has_ended:
            return b""
        event = self._link.wire.next_event()
        if isinstance(event, NeedData):
            return None
        self.note_move()
        if isinstance(event, Body):
            self._taken_bytes += len(event.data)
            return event.data
        assert isinstance(event, EndOfBody)
        self.has_ended = True
        return b""

    async def _send_continue(self) -> None:
        """Ask for the body now that it is wanted (RFC 9110 §10.1.1)."""
        if self._owes_continue:
            self._owes_continue = False
            if interim := self._link.responses.encode_continue():
                await self._link.send(interim)

    async def _feed_in_time(self) -> None:
        """Wait for more, whether it is read here or by the one who reads ahead."""
        assert self._pace is not None, "a body is read that nobody has limited"
        pace, timers, wire = self._pace, self._link.timers, self._link.wire
        started, held_bytes, received_bytes = timers.now(), wire.held_bytes, pace.received_bytes
        try:
            with timers.move_on_after(pace.left_seconds):
                async with self._reading():  # a checkpoint too: who sends fast must not keep the scheduler
                    if wire.held_bytes == held_bytes:
                        self._feed(await self._link.transport.receive())
                return
        finally:  # or who asks again and again, each time for a moment, would never see it end
            pace.count_waited(timers.now() - started, has_come=pace.received_bytes > received_bytes)
        self._is_too_slow = True
        raise pace.too_slow()

    async def feed_ahead(self) -> bool:
        """Wait for more that nobody has asked for; `False` when the client has ended its side."""
        async with self._reading():
            data = await self._link.transport.receive()
            if data:
                self._feed(data)
        return bool(data)

    def _feed(self, data: bytes) -> None:
        if self._pace is not None:
            self._pace.count_received(len(data))
        self._link.wire.feed(data)

    def _reading(self) -> trio.Lock:
        """Return what is held while the transport is read from: it takes one reader at a time."""
        if self._receiving is None:
            self._receiving = trio.Lock()
        return self._receiving

    def note_move(self) -> None:
        """Say that something has moved, to the one who reads ahead and waits for that."""
        if self.moved is not None:
            self.moved.set()

    # Noticing that the client leaves, and reading beside the response.

    def cancel_on_disconnect(self) -> AbstractAsyncContextManager[trio.CancelScope]:
        """As `cancel_on_departure`, for a request whose body has come.

        Raises:
            LocalProtocolError: It has not, or no request is being answered here.
        """
        if self.is_to_come and not self._is_over:
            raise LocalProtocolError(
                "the client is not seen leaving before its request has come: await request.body() first"
            )
        return self.cancel_on_departure()

    def cancel_on_departure(self) -> AbstractAsyncContextManager[trio.CancelScope]:
        """Cancel a block when the client ends its side, or resets the connection.

        What it sends meanwhile is held, within the bounds of `reading_ahead.py`.

        Raises:
            LocalProtocolError: The request is answered, or has become a WebSocket.
        """
        if self._is_over:
            raise LocalProtocolError(
                "the departure of a client is watched while its request is answered, and this one is answered"
                " or has become a WebSocket, which notices by itself"
            )
        return self._watching().cancelling()

    def discarding(self) -> AbstractAsyncContextManager[object]:
        """Throw away what is still to come, beside a block that sends the response.

        For responses that nobody makes any more, who could read it. Many clients read only when
        they have sent all: each side would wait for the other.
        """
        if not self.is_to_come or self._is_over:
            return nullcontext()
        self.is_wanted = False
        return self._watching().reading()

    def _watching(self) -> Departure:
        if self._departure is None:
            self._departure = Departure(ReadingAhead(self, self._link).run, self._link.timers)
        return self._departure

    # The end.

    def close(self) -> Departure | None:
        """Give nothing of it to anybody any more: the request is answered, or a WebSocket's.

        Returns:
            What may still be reading ahead, and has to stop before anything else is read.
        """
        self._is_over = True
        departure, self._departure = self._departure, None  # it knows this body: a cycle else
        self.moved = None
        return departure

    async def discard(self) -> bool:
        """Throw away what is left of one that is closed; `False` when that is too much, or takes too long.

        Raises:
            RemoteProtocolError: It is malformed, too long, incomplete or too slow.
        """
        discarded_bytes = 0
        with self._link.timers.move_on_after(self._link.timeouts.body_seconds):
            while (piece := self.take()) != b"":
                if piece is None:
                    await self._feed_in_time()
                    continue
                discarded_bytes += len(piece)
                if discarded_bytes > DISCARDED_BYTES:
                    return False
                await trio.lowlevel.checkpoint()  # pieces of what has come must not keep the scheduler
            return True
        return False

    def drop(self) -> None:
        """Stop watching, without waiting for that: the connection is dropped."""
        if self._departure is not None:
            self._departure.stop()
            self._departure = None
