"""HTTP/1.1 over a transport: heads, bodies and answers, each with its deadline."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, nullcontext

import trio

from trioweb._http.body_pace import BodyPace
from trioweb._http.departure import ClientLeft, Departure
from trioweb._transport.timers import Timers
from trioweb._transport.transport import Transport
from trioweb._wire.http1 import Body, Ended, EndOfBody, Http1Wire, NeedData
from trioweb._wire.request_head import RequestHead
from trioweb.config import Limits, Timeouts
from trioweb.errors import LocalProtocolError, RemoteProtocolError

DISCARDED_BYTES = 256 * 1024
"""How much of a body that nobody read is thrown away to keep a connection."""

WRITE_BYTES = 64 * 1024
"""One write, which has to make progress within `Timeouts.send_seconds`."""

AHEAD_BYTES = 64 * 1024
"""How much may be held, while the client's end is waited for, of a body that nobody reads and of what
follows it. What is to become of more is told at `cancel_on_departure`."""

UNROUTED_BYTES = 10**18
"""What a body may be that no route has limited yet; more than a length can say."""


class Http1Connection:
    """One connection's requests, one after the other (RFC 9112 §9.3).

    For each: `receive_head`, then `receive_body` as often as wanted, `send_response` or
    `start_response` with the pieces after it, and `finish`. One task uses it.
    """

    __slots__ = (
        "_begun_bytes",
        "_departure",
        "_has_discarded",
        "_has_more",
        "_head",
        "_idle_scope",
        "_is_draining",
        "_is_wanted",
        "_moved",
        "_owes_continue",
        "_pace",
        "_received_bytes",
        "_receiving",
        "_timeouts",
        "_timers",
        "_transport",
        "_wire",
        "has_begun_response",
        "has_ended_body",
        "sent_bytes",
    )

    def __init__(self, transport: Transport, timers: Timers, *, limits: Limits, timeouts: Timeouts) -> None:
        self._transport = transport
        self._timers = timers
        self._timeouts = timeouts
        self._wire = Http1Wire(
            head_bytes=limits.head_bytes, head_fields=limits.head_fields, body_bytes=UNROUTED_BYTES
        )
        self._idle_scope: trio.CancelScope | None = None
        self._is_draining = False
        self._head: RequestHead | None = None
        self.has_ended_body = True
        self._has_more = False  # of the body, than the piece that was taken last
        self._owes_continue = False
        self._received_bytes = 0
        self._is_wanted = False  # somebody has begun to read the body
        self._has_discarded = False  # some of it was thrown away
        self._begun_bytes = 0  # of a streamed or long answer, with those that are just being sent
        # Made when they are asked for: hardly any request is watched, few have a long body.
        self._pace: BodyPace | None = None
        self._receiving: trio.Lock | None = None
        self._departure: Departure | None = None
        self._moved: trio.Event | None = None
        self.has_begun_response = False
        self.sent_bytes = 0

    def stop_waiting(self) -> None:
        """Take no further request; one that is being read or answered is finished."""
        self._is_draining = True
        if self._idle_scope is not None:
            self._idle_scope.cancel()

    async def receive_head(self) -> RequestHead | None:
        """Return the next request's head; `None` when there will be none.

        Raises:
            RemoteProtocolError: It is malformed, too long, or took too long (408).

        Cancellation: The connection is of no further use.
        """
        self.has_begun_response = False
        self.sent_bytes = 0
        head = self._head_at_once()
        if head is None:
            if not await self._wait_for_first_byte():
                return None
            head = await self._read_head_in_time()
        self._head = head
        if head is not None:
            self.has_ended_body = self._is_wanted = self._has_discarded = self._has_more = False
            self._received_bytes = 0
            self._pace = None
            self._owes_continue = head.expects_continue
        return head

    def _head_at_once(self) -> RequestHead | None:
        """Return the head if it is here already: the usual case, in which no deadline is needed."""
        if not self._wire.has_partial_head:
            data = None if self._is_draining else self._transport.try_receive()
            if data is None:
                return None
            self._wire.feed(data)
        event = self._wire.next_event()
        return event if isinstance(event, RequestHead) else None

    async def _wait_for_first_byte(self) -> bool:
        """Wait between requests; here, and only here, a shutdown may interrupt."""
        if self._wire.has_partial_head:
            return True
        data = b""
        with self._timers.move_on_after(self._timeouts.idle_seconds) as self._idle_scope:
            if self._is_draining:
                return False
            data = await self._transport.receive()
        self._idle_scope = None
        if data:
            self._wire.feed(data)
        return bool(data)

    async def _read_head_in_time(self) -> RequestHead | None:
        with self._timers.move_on_after(self._timeouts.head_seconds):
            return await self._read_head()
        if not self._wire.has_partial_head:  # only empty lines came, which begin no request
            return None
        raise RemoteProtocolError(
            f"the request's head took longer than {self._timeouts.head_seconds} s (Timeouts.head_seconds)",
            408,
        )

    async def _read_head(self) -> RequestHead | None:
        while True:
            event = self._wire.next_event()
            if isinstance(event, RequestHead):
                return event
            if isinstance(event, Ended):
                return None
            self._wire.feed(await self._transport.receive())

    def limit_body(self, limits: Limits) -> None:
        """Say how long the body of this request may be, and how slow.

        To be called for each request with a body, before any of it is received.

        Raises:
            BodyTooLarge: It is announced to be longer.
        """
        self._pace = BodyPace(self._timeouts.body_seconds, limits.body_bytes_per_second)
        self._wire.limit_body(limits.body_bytes)

    async def receive_body(self, head: RequestHead) -> bytes:
        """Return the next piece of this request's body, `b""` at its end.

        Raises:
            RemoteProtocolError: It is malformed, too long, incomplete or too slow (408).
            LocalProtocolError: It was thrown away, since nobody read it beside its answer, or
                after it.
        """
        self._check_current(head)
        self._check_kept()
        self._is_wanted = True
        piece = await self._receive_piece()
        self._check_kept()  # again: a long answer held whole takes the body from whoever waits for it
        return piece

    def _check_current(self, head: RequestHead | None) -> None:
        # Or a task that is late would take what belongs to the next request.
        if head is not self._head:
            raise LocalProtocolError(
                "the request was answered, and what was left of its body thrown away: read it before"
            )

    def _check_kept(self) -> None:
        if self._has_discarded:
            raise LocalProtocolError(
                f"the request's body was thrown away: {AHEAD_BYTES} bytes of it had come and nobody had begun"
                f" to read it, while {WRITE_BYTES} bytes of the answer were made, or nothing was sent for"
                f" {self._timeouts.body_seconds} s (Timeouts.body_seconds). Read it, or begin to, before that"
            )

    async def _receive_piece(self) -> bytes:
        head = self._head
        while not self.has_ended_body:
            if self._has_more:  # pieces of what has come must not keep the scheduler
                self._has_more = False
                await trio.lowlevel.checkpoint()
                self._check_current(head)
                continue
            event = self._wire.next_event()
            if isinstance(event, NeedData):
                await self._send_continue()
                await self._feed_in_time()
                self._check_current(head)
                continue
            if self._moved is not None:
                self._moved.set()
            if isinstance(event, Body):
                self._received_bytes += len(event.data)
                self._has_more = self._wire.held_bytes > 0
                return event.data
            assert isinstance(event, EndOfBody)
            self.has_ended_body = True
        return b""

    async def _feed_in_time(self) -> None:
        """Wait for more, whether it is read here or by the one who reads ahead."""
        assert self._pace is not None, "a body is read that nobody has limited"
        pace, started, held_bytes = self._pace, self._timers.now(), self._wire.held_bytes
        received_bytes = pace.received_bytes
        try:
            with self._timers.move_on_after(pace.left_seconds):
                async with self._reading():  # a checkpoint too: who sends fast must not keep the scheduler
                    if self._wire.held_bytes == held_bytes:
                        self._feed(await self._transport.receive())
                return
        finally:  # or who asks again and again, each time for a moment, would never see it end
            pace.count_waited(self._timers.now() - started, has_come=pace.received_bytes > received_bytes)
        self.stop_waiting()  # whoever answers this has to close (RFC 9110 §15.5.9)
        raise pace.too_slow()

    def _feed(self, data: bytes) -> None:
        if self._pace is not None:
            self._pace.count_received(len(data))
        self._wire.feed(data)

    def _reading(self) -> trio.Lock:
        """Return what is held while the transport is read from: it takes one reader at a time."""
        if self._receiving is None:
            self._receiving = trio.Lock()
        return self._receiving

    # Noticing that the client leaves.

    def cancel_on_disconnect(self) -> AbstractAsyncContextManager[trio.CancelScope]:
        """As `cancel_on_departure`, for a request whose body has come.

        Raises:
            LocalProtocolError: It has not, or no request is being answered here.
        """
        if self._has_body_to_come():
            raise LocalProtocolError(
                "the client is not seen leaving before its request has come: await request.body() first"
            )
        return self.cancel_on_departure()

    def cancel_on_departure(self) -> AbstractAsyncContextManager[trio.CancelScope]:
        """Cancel a block when the client ends its side, or resets the connection.

        What it sends meanwhile is held, up to `AHEAD_BYTES` and one read. What comes then is
        not read, and the end is out of sight. If it belongs to

        - a body that is being read, it waits for the reader;
        - a body that nobody has begun to read, it is thrown away beside a long answer, or when
          nothing was sent for `Timeouts.body_seconds`;
        - later requests, the client counts as gone when nothing was sent for that long.

        Raises:
            LocalProtocolError: No request is being answered here.
        """
        if self._head is None:
            raise LocalProtocolError(
                "the departure of a client is watched while its request is answered, and this one is answered"
                " or has become a WebSocket, which notices by itself"
            )
        return self._watching().cancelling()

    def discarding_body(self) -> AbstractAsyncContextManager[object]:
        """Throw away what is still to come of the body, beside a block that sends the answer.

        For answers that nobody makes any more, who could read it. Many clients read only when
        they have sent all: each side would wait for the other.
        """
        if not self._has_body_to_come():
            return nullcontext()
        self._is_wanted = False
        return self._watching().reading()

    def _watching(self) -> Departure:
        if self._departure is None:
            self._departure = Departure(self._read_ahead, self._timers)
        return self._departure

    def _has_body_to_come(self) -> bool:
        return not self.has_ended_body and self._head is not None and self._head.content_bytes != 0

    async def _read_ahead(self) -> None:
        """Read until the client's side has ended, or nothing has moved for too long."""
        if not self._has_body_to_come():
            await self._receive_piece()  # which is empty, and the wire wants to have said so
        is_open = True
        while is_open:
            if self._wire.held_bytes < AHEAD_BYTES:
                is_open = await self._feed_ahead() or await self._wait_for_reader()
            elif self._may_discard():
                await self._discard_piece()
            elif not await self._wait_for_move():
                is_open = self._has_body_to_come()
                self._has_discarded = is_open and not self._is_wanted

    async def _feed_ahead(self) -> bool:
        async with self._reading():
            data = await self._transport.receive()
            if data:
                self._feed(data)
        return bool(data)

    async def _wait_for_reader(self) -> bool:
        """Let the one who reads the body have it to its end, though the client has ended its side."""
        while self._is_wanted and self._has_body_to_come() and await self._wait_for_move():
            pass
        return False

    async def _wait_for_move(self) -> bool:
        """Wait until something is sent, or taken of what is held; `False` if that takes too long."""
        self._moved = trio.Event()
        with self._timers.move_on_after(self._timeouts.body_seconds):
            await self._moved.wait()
            return True
        # What is being sent has a deadline of its own, for each of its parts.
        return self.has_begun_response and self.sent_bytes < self._begun_bytes

    def _may_discard(self) -> bool:
        if self._is_wanted or not self._has_body_to_come():
            return False
        return self._has_discarded or (self.has_begun_response and self._begun_bytes > WRITE_BYTES)

    async def _discard_piece(self) -> None:
        self._has_discarded = True
        try:
            await self._receive_piece()
        except RemoteProtocolError:  # it is answered already, and `finish` will find the same
            pass

    def stop_watching(self) -> None:
        """Forget who watches, without waiting: the connection is dropped."""
        if self._departure is not None:
            self._departure.stop()
            self._departure = None  # which knows this object: a cycle for the collector

    async def _stop_watching(self, departure: Departure) -> None:
        """Let nobody else read, for the next request is to be read."""
        self._departure = self._moved = None
        await departure.wait_stopped()

    async def _send_continue(self) -> None:
        """Ask for the body now that it is wanted (RFC 9110 §10.1.1)."""
        if self._owes_continue and not self.has_begun_response:
            self._owes_continue = False
            if interim := self._wire.encode_continue():
                await self.send(interim)

    # Answering.

    async def send_response(
        self,
        status: int,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        *,
        content_bytes: int | None,
    ) -> None:
        """Send a response whose body is held whole.

        Args:
            status: 200 to 599.
            headers: Fields without framing ones.
            body: All of it; empty where the method is HEAD.
            content_bytes: What `Content-Length` says; `None` if it cannot be said.

        Raises:
            ClientLeft: The peer is gone, or reads nothing.
            LocalProtocolError: It cannot be sent; another response can.
            TypeError: The body is not bytes; another response can be sent.
        """
        if not isinstance(body, (bytes, bytearray, memoryview)):
            raise TypeError(f"the body of a response is {type(body).__name__} now: expected bytes")
        data = self._begin_response(status, headers, content_bytes)
        content, end = self._wire.encode_body(body), self._wire.encode_end()
        if len(content) <= WRITE_BYTES:
            await self.send(data + content + end)
            return
        # Apart, since many connections may share a long body and must not copy it.
        self._begun_bytes = self.sent_bytes + len(data) + len(content) + len(end)
        async with self.discarding_body():
            for part in (data, content, end):
                await self.send(part)

    async def start_response(
        self,
        status: int,
        headers: Iterable[tuple[str, str]],
        first_piece: bytes,
        *,
        content_bytes: int | None,
    ) -> None:
        """Send the head of a response and its first piece; more follow by `send_piece`.

        Args and Raises: As `send_response`.
        """
        data = self._begin_response(status, headers, content_bytes) + self._wire.encode_body(first_piece)
        self._begun_bytes = self.sent_bytes + len(data)
        await self.send(data)

    def _begin_response(
        self, status: int, headers: Iterable[tuple[str, str]], content_bytes: int | None
    ) -> bytes:
        is_close = self._is_draining or self._leaves_too_much()
        data = self._wire.encode_head(status, headers, content_bytes=content_bytes, is_close=is_close)
        self.has_begun_response = True
        return data

    def _leaves_too_much(self) -> bool:
        """Say whether the body will not be read to its end, after which nothing can follow (RFC 9112 §9.3).

        A peer that was not asked to continue may send its body or not: nobody could tell
        that from a request (RFC 9110 §10.1.1).
        """
        if self.has_ended_body or self._head is None:
            return False
        announced_bytes = self._head.content_bytes or 0
        return self._owes_continue or announced_bytes - self._received_bytes > DISCARDED_BYTES

    async def send_piece(self, data: bytes) -> None:
        """Send a piece of the body."""
        await trio.lowlevel.checkpoint()  # a peer that reads fast must not keep the scheduler
        data = self._wire.encode_body(data)
        self._begun_bytes += len(data)
        if self._moved is not None:
            self._moved.set()
        await self.send(data)

    async def end_response(self) -> None:
        """Say that the body is complete."""
        await self.send(self._wire.encode_end())

    async def send(self, data: bytes) -> None:
        """Write, giving the peer `Timeouts.send_seconds` for each piece of `WRITE_BYTES`.

        Raises:
            ClientLeft: The peer is gone, or reads nothing.
        """
        for start in range(0, len(data), WRITE_BYTES):
            with self._timers.move_on_after(self._timeouts.send_seconds) as scope:
                try:
                    await self._transport.send_all(data[start : start + WRITE_BYTES])
                except trio.BrokenResourceError as error:
                    raise ClientLeft(str(error)) from error
            if scope.cancelled_caught:
                raise ClientLeft("the peer reads nothing (Timeouts.send_seconds)")
            self.sent_bytes += min(WRITE_BYTES, len(data) - start)

    async def finish(self) -> bool:
        """Make ready for the next request; `False` when the connection has to close.

        Lets others run: requests that are here already must not keep the scheduler.
        """
        await trio.lowlevel.checkpoint()
        self._head = None
        if self._departure is not None:
            await self._stop_watching(self._departure)
        if self._is_draining or not self._wire.can_keep_alive:
            return False
        with self._timers.move_on_after(self._timeouts.body_seconds):
            discarded_bytes = 0
            while data := await self._receive_piece():
                discarded_bytes += len(data)
                if discarded_bytes > DISCARDED_BYTES:
                    return False
            self._wire.start_next_request()
            return True
        return False

    def switch_to_websocket(self) -> bytes:
        """Hand the connection over, with the bytes that came behind the handshake."""
        self.has_begun_response = True
        early_input = self._wire.switch_to_websocket()
        self.has_ended_body = True  # the wire lets no handshake with a body pass
        self._head = None
        return early_input
