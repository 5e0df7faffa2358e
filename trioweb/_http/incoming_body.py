"""The body of one request, until it has been read, discarded, or given up.

A body ends in one of four ways:

- A handler reads it to its end with `receive`.
- Nobody reads it, and it is discarded during a long response (`reading_ahead.py`), because the client
  may not read the response before it has sent the body.
- Nobody reads it, and after the response `discard` reads and drops what is left, so that the next request
  can follow on the same connection.
- It is too long, malformed or too slow. Then this request is the connection's last: without the end of
  one body, the start of the next request is unknown (RFC 9112 §9.3).

All of this is the state of one request, so each request has an object of its own. A task may hold a body
for longer than its request takes. If a connection reused one object, it would have to recognise such a task
each time that the task wakes up. An object that is closed stays closed.
"""

from __future__ import annotations

import trio

from trioweb._http.body_pace import BodyPace
from trioweb._http.disconnect_watch import DisconnectWatch
from trioweb._http.link import Link
from trioweb._http.reading_ahead import AHEAD_BYTES
from trioweb._transport.transport import WRITE_BYTES
from trioweb._wire.http1.request_head import RequestHead
from trioweb._wire.http1.wire import Body, EndOfBody, NeedData
from trioweb.config import Limits
from trioweb.errors import BodyTooLarge, LocalProtocolError

DISCARDED_BYTES = 256 * 1024
"""How much of an unread body is discarded to keep its connection. Receiving much more than this usually takes
longer than a new connection, which costs the client up to three round trips."""


class IncomingBody:
    """Hands out the body of one request piece by piece, as it arrives.

    A request without a body has an `IncomingBody` as well, because it is watched in the same way.

    Args:
        link: The link to the client.
        head: The head of the request. `None` makes a body that is closed from the start, for a
            connection that has no request yet.

    Attributes:
        has_ended: Whether all of it has been taken, to be read or to be discarded.
        is_closed: Whether the request is answered, or has become a WebSocket.
        is_wanted: Whether a task has begun to read it.
        is_discarded: Whether some of it was discarded. The rest cannot be read then.
        moved: Set by `note_move`, for the task that reads ahead.

    Concurrency: One task may be in `receive` while another one reads ahead. `close` may be
        called at any time, and both notice.
    """

    __slots__ = (
        "_content_bytes",
        "_excess",
        "_is_too_slow",
        "_link",
        "_owes_continue",
        "_pace",
        "_receiving",
        "_taken_bytes",
        "_watch",
        "has_ended",
        "is_closed",
        "is_discarded",
        "is_wanted",
        "moved",
    )

    def __init__(self, link: Link, head: RequestHead | None) -> None:
        self._link = link
        self._content_bytes = 0 if head is None else head.content_bytes
        self._owes_continue = head is not None and head.expects_continue
        self.has_ended = self.is_closed = head is None
        self.is_wanted = self.is_discarded = self._is_too_slow = False
        self._taken_bytes = 0
        # Made when they are needed: few requests have a body, and hardly any is watched.
        self._pace: BodyPace | None = None
        self._excess = ""  # the reason, if its announced length is refused
        self._receiving: trio.Lock | None = None
        self._watch: DisconnectWatch | None = None
        self.moved: trio.Event | None = None

    @property
    def is_to_come(self) -> bool:
        """Whether the request has a body that has not been taken to its end."""
        return not self.has_ended and self._content_bytes != 0

    @property
    def must_be_last(self) -> bool:
        """Whether no request can follow, because this body will not be read to its end.

        There are three reasons. Too much of it is left, or the client was too slow: in both cases,
        discarding the rest would take too long. Or the client still waits for 100 Continue. Then it may
        send the body or leave it out (RFC 9110 §10.1.1), so its next bytes could be the body or a request.
        """
        if self._is_too_slow:
            return True
        left_bytes = (self._content_bytes or 0) - self._taken_bytes
        return not self.has_ended and (self._owes_continue or left_bytes > DISCARDED_BYTES)

    def limit(self, limits: Limits) -> None:
        """Set how long the body may be, and how slow.

        Call this once for each request with a body, when its route is known. Until then, the wire does
        not return any of it.

        Raises:
            BodyTooLarge: The announced length is above the limit. Each attempt to read the body raises
                this again. It can still be discarded, so a short one does not cost the connection.
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
            BodyTooLarge: The body is longer than its limit, or announced to be.
            RemoteProtocolError: It is malformed, incomplete or too slow (408).
            LocalProtocolError: The request was answered, or the body discarded, because no task
                was reading it during the response.

        Cancellation: Safe; a piece is returned or still to come.
        Backpressure: While nobody calls this, reading stops, and TCP slows the client down.
        """
        self._check_readable()
        self.is_wanted = True
        if self._taken_bytes and self.is_to_come and self._link.wire.held_bytes:
            # One read may contain thousands of chunks. Taking all of them at once would delay other tasks.
            await trio.lowlevel.checkpoint()
            self._check_readable()
        while (piece := self.take()) is None:
            await self._send_continue()
            await self._feed_in_time()
            self._check_readable()
        return piece

    def _check_readable(self) -> None:
        """Raise if there is nothing left to read here, which can change during each wait."""
        if self._excess:
            raise BodyTooLarge(self._excess)
        if self.is_closed:
            raise LocalProtocolError(
                "the request was answered, and the rest of its body discarded: read the body first"
            )
        if self.is_discarded:
            seconds = self._link.timeouts.body_seconds
            raise LocalProtocolError(
                f"the request's body was discarded: {AHEAD_BYTES} bytes of it had come and nobody had begun"
                f" to read it, while {WRITE_BYTES} bytes of the response were made, or nothing was sent for"
                f" {seconds} s (Timeouts.body_seconds). Read it, or begin to, before that"
            )

    def take(self) -> bytes | None:
        """Take the next piece that has arrived: `b""` at the end, `None` if more has to arrive first.

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
        """Ask the client for the body when a task begins to read it (RFC 9110 §10.1.1).

        Not earlier, because a handler may reject the request by its head, which saves the client the
        upload.
        """
        if self._owes_continue:
            self._owes_continue = False
            if interim := self._link.responses.encode_continue():
                await self._link.send(interim)

    async def _feed_in_time(self) -> None:
        """Wait for more, at the body's pace, whether this task reads it or the task that reads ahead."""
        assert self._pace is not None, "a body is read that nobody has limited"
        pace, timers, wire = self._pace, self._link.timers, self._link.wire
        started, held_bytes, received_bytes = timers.now(), wire.held_bytes, pace.received_bytes
        try:
            with timers.move_on_after(pace.left_seconds):
                async with self._reading():  # a checkpoint: a fast client must not keep other tasks waiting
                    if wire.held_bytes == held_bytes:
                        self._feed(await self._link.transport.receive())
                return
        finally:  # also after a cancellation, or many short waits would give the client unlimited time
            pace.count_waited(timers.now() - started, has_come=pace.received_bytes > received_bytes)
        self._is_too_slow = True
        raise pace.too_slow()

    async def feed_ahead(self) -> bool:
        """Wait for bytes that no task has asked for; return `False` when the client has ended its side."""
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
        """Return the lock around reading from the transport, which takes one reader at a time."""
        if self._receiving is None:
            self._receiving = trio.Lock()
        return self._receiving

    def note_move(self) -> None:
        """Wake the task that reads ahead, if it waits for the response or the reader to go on."""
        if self.moved is not None:
            self.moved.set()

    # Reading on during the response.

    @property
    def watch(self) -> DisconnectWatch:
        """The tasks that read ahead during this request, and notice that the client disconnects."""
        watch = self._watch or DisconnectWatch(self, self._link)
        if not self.is_closed:  # a closed body has nothing to watch, and nothing would break the cycle
            self._watch = watch
        return watch

    # The end.

    def close(self) -> DisconnectWatch | None:
        """Hand out nothing more: the request is answered, or has become a WebSocket.

        Returns:
            The tasks that may still be reading ahead. They have to stop before the next request is
            read, or they would take its head.
        """
        self.is_closed = True
        watch, self._watch = self._watch, None  # it refers to this body: a cycle
        self.moved = None
        return watch

    async def discard(self) -> bool:
        """Discard the rest of a closed body; return `False` if that is too long, or takes too long.

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
                await trio.lowlevel.checkpoint()  # as in `receive`
            return True
        return False

    def drop(self) -> None:
        """Stop reading ahead, without waiting for that: the connection is dropped."""
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
