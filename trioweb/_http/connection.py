"""HTTP/1.1 over one connection: requests one after the other, and whether another may follow.

A connection is kept after a response if both sides know where the next request begins and
both want it (RFC 9112 §9.3). Each of these speaks against it:

| reason                                             | who knows                    | how the client learns of it    |
|----------------------------------------------------|------------------------------|--------------------------------|
| it asked for that, or speaks HTTP/1.0              | the wire                     | it said so                     |
| it broke the protocol                              | the wire                     | `Connection: close`            |
| its body will not be read to its end               | `IncomingBody.must_be_last`  | `Connection: close`            |
| this server shuts down                             | `stop_waiting`               | `Connection: close`, or by the |
|                                                    |                              | end while it is idle           |
| a response broke off, or was not what it announced | the wire's h11               | by the end within it (§8)      |
| too much of a body is left when it was answered    | `finish`                     | by the end after the response  |

All but the last two are known when the head of the response is made, so it says
`Connection: close`, and a client does not send its next request into a closed connection, where it
could not tell whether it was carried out. That is why `finish` throws away a bounded rest of a body
and does not just close: a handler that answers before it has read all is common, and honest.

Between requests the connection waits for the first byte of a head for `Timeouts.idle_seconds`, and
from there for the rest of it for `Timeouts.head_seconds`. Only the first of these waits may be ended
by a shutdown: nothing of a request is lost that was never begun.
"""

from __future__ import annotations

from collections.abc import Iterable

import trio

from trioweb._http.incoming_body import IncomingBody
from trioweb._http.link import Link
from trioweb._transport.timers import Timers
from trioweb._transport.transport import WRITE_BYTES, Transport
from trioweb._wire.http1 import Ended, Http1Wire
from trioweb._wire.request_head import RequestHead
from trioweb.config import Limits, Timeouts
from trioweb.errors import RemoteProtocolError

FieldLines = Iterable[tuple[str, str]]


class Http1Connection:
    """Receives requests and sends responses, in turn.

    For each request: `receive_head`, then `body` as often as wanted, `send_response` or
    `start_response` with the pieces after it, and `finish`.

    Args:
        transport: Carries the bytes.
        timers: The deadlines of the client.
        limits: How long a head may be. What a body may be is its route's to say.
        timeouts: How long each step may take.

    Attributes:
        body: Of the current request; over as long as there is none.
        has_begun_response: Whether the current request has its response, or the first of it:
            then no other can be sent.

    Concurrency: One task uses it; others may use `body`, each of which is good for one request.
    """

    __slots__ = ("_idle_scope", "_is_draining", "_link", "body", "has_begun_response")

    def __init__(self, transport: Transport, timers: Timers, *, limits: Limits, timeouts: Timeouts) -> None:
        wire = Http1Wire(head_bytes=limits.head_bytes, head_fields=limits.head_fields)
        self._link = Link(transport, wire, timers, timeouts)
        self._idle_scope: trio.CancelScope | None = None
        self._is_draining = False
        self.body = IncomingBody(self._link, None)
        self.has_begun_response = False

    @property
    def sent_bytes(self) -> int:
        """How much of the current response has left."""
        return self._link.sent_bytes

    def stop_waiting(self) -> None:
        """Take no further request; one that is being read or answered is finished."""
        self._is_draining = True
        if self._idle_scope is not None:
            self._idle_scope.cancel()

    # Heads.

    async def receive_head(self) -> RequestHead | None:
        """Return the next request's head; `None` when there will be none.

        Raises:
            RemoteProtocolError: It is malformed, too long, or took too long (408).

        Cancellation: The connection is of no further use.
        """
        self.has_begun_response = False
        self._link.begun_bytes = self._link.sent_bytes = 0
        head = self._head_at_once()
        if head is None:
            if not await self._wait_for_first_byte():
                return None
            head = await self._read_head_in_time()
        if head is not None:
            self.body = IncomingBody(self._link, head)
        return head

    def _head_at_once(self) -> RequestHead | None:
        """Return the head if it is here already: the usual case, in which no deadline is needed.

        A deadline and a wait cost more than reading a head does. A client that has connected has
        sent its request, and one that is served quickly has the next one under way.
        """
        link = self._link
        if not link.wire.has_partial_head:
            data = None if self._is_draining else link.transport.try_receive()
            if data is None:
                return None
            link.wire.feed(data)
        event = link.wire.next_event()
        return event if isinstance(event, RequestHead) else None

    async def _wait_for_first_byte(self) -> bool:
        """Wait between requests; here, and only here, a shutdown may interrupt."""
        link = self._link
        if link.wire.has_partial_head:
            return True
        data = b""
        with link.timers.move_on_after(link.timeouts.idle_seconds) as self._idle_scope:
            if self._is_draining:
                return False
            data = await link.transport.receive()
        self._idle_scope = None
        if data:
            link.wire.feed(data)
        return bool(data)

    async def _read_head_in_time(self) -> RequestHead | None:
        link = self._link
        with link.timers.move_on_after(link.timeouts.head_seconds):
            return await self._read_head()
        if not link.wire.has_partial_head:  # only empty lines came, which begin no request
            return None
        raise RemoteProtocolError(
            f"the request's head took longer than {link.timeouts.head_seconds} s (Timeouts.head_seconds)",
            408,
        )

    async def _read_head(self) -> RequestHead | None:
        link = self._link
        while True:
            event = link.wire.next_event()
            if isinstance(event, RequestHead):
                return event
            if isinstance(event, Ended):
                return None
            link.wire.feed(await link.transport.receive())

    # Responses.

    async def send_response(
        self, status: int, headers: FieldLines, body: bytes, *, content_bytes: int | None
    ) -> None:
        """Send a response whose body is held whole.

        Args:
            status: 200 to 599.
            headers: Fields without framing ones.
            body: All of it; empty where the method is HEAD.
            content_bytes: What `Content-Length` says; `None` if it cannot be said.

        Raises:
            ClientLeft: The client is gone, or reads nothing.
            LocalProtocolError: It cannot be sent; another response can.
            TypeError: The body is not bytes; another response can be sent.
        """
        if not isinstance(body, (bytes, bytearray, memoryview)):
            raise TypeError(f"the body of a response is {type(body).__name__} now: expected bytes")
        link = self._link
        head = self._begin_response(status, headers, content_bytes)
        content, end = link.responses.encode_body(body), link.responses.encode_end()
        if len(content) <= WRITE_BYTES:
            await link.send(head + content + end)
            return
        # Apart, since many connections may share a long body and must not copy it.
        link.begun_bytes = link.sent_bytes + len(head) + len(content) + len(end)
        async with self.body.discarding():
            for part in (head, content, end):
                await link.send(part)

    async def start_response(
        self, status: int, headers: FieldLines, first_piece: bytes, *, content_bytes: int | None
    ) -> None:
        """Send the head of a response and the first piece of its body; more follow by `send_piece`.

        Args:
            status: 200 to 599.
            headers: Fields without framing ones.
            first_piece: Leaves together with the head, in one packet if both are short.
            content_bytes: How long the body will be; `None` if only its end will tell.

        Raises:
            ClientLeft: The client is gone, or reads nothing.
            LocalProtocolError: It cannot be sent; another response can.
        """
        link = self._link
        data = self._begin_response(status, headers, content_bytes)
        data += link.responses.encode_body(first_piece)
        link.begun_bytes = link.sent_bytes + len(data)
        await link.send(data)

    def _begin_response(self, status: int, headers: FieldLines, content_bytes: int | None) -> bytes:
        is_close = self._is_draining or self.body.must_be_last
        head = self._link.responses.encode_head(
            status, headers, content_bytes=content_bytes, is_close=is_close
        )
        self.has_begun_response = True  # after the head: a response that cannot be sent was not begun
        return head

    async def send_piece(self, data: bytes) -> None:
        """Send a piece of the body."""
        await trio.lowlevel.checkpoint()  # a client that reads fast must not keep the scheduler
        link = self._link
        data = link.responses.encode_body(data)
        link.begun_bytes += len(data)
        self.body.note_move()
        await link.send(data)

    async def end_response(self) -> None:
        """Say that the body is complete."""
        await self._link.send(self._link.responses.encode_end())

    # From one request to what follows.

    async def finish(self) -> bool:
        """Make ready for the next request; `False` when the connection has to close.

        Lets others run: requests that are here already must not keep the scheduler.

        Raises:
            RemoteProtocolError: The rest of the body was malformed, or did not come.
        """
        await trio.lowlevel.checkpoint()
        link, body = self._link, self.body
        if (departure := body.close()) is not None:
            await departure.wait_stopped()
        if self._is_draining or body.must_be_last or not link.wire.can_keep_alive:
            return False
        if not body.is_to_come:
            body.take()  # its end, which the wire has to have given before the next head
        elif not await body.discard():
            return False
        link.wire.start_next_request()
        return True

    def switch_to_websocket(self) -> bytes:
        """Hand the connection over, with the bytes that came after the handshake.

        Raises:
            LocalProtocolError: There is no request, it has a body, or a response was begun.
        """
        self.has_begun_response = True
        early_input = self._link.wire.switch_to_websocket()
        if (departure := self.body.close()) is not None:
            departure.stop()
        return early_input

    def drop(self) -> None:
        """Forget who watches for the client's end, without waiting: the connection is dropped."""
        self.body.drop()
