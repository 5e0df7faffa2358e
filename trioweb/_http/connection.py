"""HTTP/1.1 over one connection: requests one after the other, and whether another may follow.

A connection is kept after a response if both sides know where the next request begins, and both
want one (RFC 9112 §9.3). It is closed for one of these reasons:

| the reason                                 | where it is known           | how the client learns           |
|--------------------------------------------|-----------------------------|---------------------------------|
| the client asks for it, or speaks HTTP/1.0 | `Http1Wire.is_last`         | it knows already                |
| the client broke the protocol              | `Http1Wire.has_failed`      | `Connection: close`             |
| the body will not be read to its end       | `IncomingBody.must_be_last` | `Connection: close`             |
| the server is shutting down                | `stop_waiting`              | `Connection: close`, or the end |
| the response broke off                     | `Http1Wire.can_keep_alive`  | an end within the response (§8) |
| the rest of a body is too long or too slow | `IncomingBody.discard`      | an end after the response       |

The first four are known before the response, so its head can say `Connection: close`. That matters: a
client that sends its next request into a closed connection cannot tell whether the server has acted
on it, and may only repeat it if it is idempotent (§9.3.1).

The last one happens rarely, because a handler that responds without reading the whole body is common:
it rejects an upload, or has seen enough. So `finish` reads and discards a bounded rest of the body,
which is cheaper for both sides than a new connection, and with TLS much cheaper.

Between requests there are two waits, one after the other: up to `Timeouts.idle_seconds` for the first
byte of a head, and up to `Timeouts.head_seconds` for the rest of it. A shutdown ends only the first wait.
Once a byte has arrived, a request has begun, and it gets its response.
"""

from __future__ import annotations

from collections.abc import Iterable

import trio

from trioweb._http.incoming_body import IncomingBody
from trioweb._http.link import Link
from trioweb._transport.timers import Timers
from trioweb._transport.transport import WRITE_BYTES, Transport
from trioweb._wire.http1.request_head import RequestHead
from trioweb._wire.http1.wire import Ended, Http1Wire
from trioweb.config import Limits, Timeouts
from trioweb.errors import RemoteProtocolError

FieldLines = Iterable[tuple[str, str]]


class Http1Connection:
    """Receives requests and sends responses, in turn.

    For each request call `receive_head`, read from `body` as often as you like, call `send_response`,
    or `start_response`, `send_piece` and `end_response`, and then `finish`.

    Args:
        transport: Carries the bytes.
        timers: The client's deadlines.
        limits: How long a head may be. The limits of a body depend on its route: `IncomingBody.limit`.
        timeouts: How long each step may take.

    Attributes:
        body: The body of the current request. Between requests it is closed.
        has_begun_response: Whether a response to the current request has begun. Until then a failure
            can still be answered with an error; after that it can only cut the response off.

    Concurrency: One task at a time. Other tasks may use a `body`, during its request and after it.
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
        """Accept no more requests. A request that has begun to arrive is still answered."""
        self._is_draining = True
        if self._idle_scope is not None:
            self._idle_scope.cancel()

    # Heads.

    async def receive_head(self) -> RequestHead | None:
        """Return the head of the next request; `None` if there will not be another one.

        Raises:
            RemoteProtocolError: It is malformed, too long, or took too long (408).

        Cancellation: The connection cannot be used any more.
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
        """Return the head if all of it has arrived, as it usually has.

        A deadline and a wait cost more than reading a head. A client connects because it has a request
        to send, so the request has usually arrived before the first read.
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
        """Wait between two requests: the only wait that a shutdown interrupts."""
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
        if not link.wire.has_partial_head:  # only empty lines arrived, which do not begin a request (§2.2)
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
        """Send a response whose body is in memory.

        Args:
            status: 200 to 599.
            headers: The fields, without those that frame the body.
            body: The whole body; empty if the method is HEAD.
            content_bytes: What `Content-Length` announces, also for HEAD; `None` if it is not known.

        Raises:
            ClientDisconnected: The client is gone, or reads nothing.
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
        # Not joined: a long body may be shared by many connections, and each join would copy it.
        link.begun_bytes = link.sent_bytes + len(head) + len(content) + len(end)
        async with self.body.watch.discarding():
            for part in (head, content, end):
                await link.send(part)

    async def start_response(
        self, status: int, headers: FieldLines, first_piece: bytes, *, content_bytes: int | None
    ) -> None:
        """Send the head of a response with the first piece of its body; `send_piece` sends the others.

        Args:
            status: 200 to 599.
            headers: The fields, without those that frame the body.
            first_piece: Leaves with the head: two small packets would wait for an acknowledgement
                between them where the system delays them.
            content_bytes: How long the body will be; `None` if it is not known yet.

        Raises:
            ClientDisconnected: The client is gone, or reads nothing.
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
        self.has_begun_response = True  # only now: if a head cannot be sent, an error page still can
        return head

    async def send_piece(self, data: bytes) -> None:
        """Send a piece of the body.

        Raises:
            ClientDisconnected: The client is gone, or reads nothing.
            LocalProtocolError: The body becomes longer than announced.

        Backpressure: Waits until the client's system, or this one, has taken the piece.
        """
        await trio.lowlevel.checkpoint()  # a source and a client that are both fast would never wait
        link = self._link
        data = link.responses.encode_body(data)
        link.begun_bytes += len(data)
        self.body.note_move()
        await link.send(data)

    async def end_response(self) -> None:
        """Send the end of the body. Without it, the client has to treat the response as incomplete.

        Raises:
            ClientDisconnected: The client is gone, or reads nothing.
            LocalProtocolError: The body is shorter than announced.
        """
        await self._link.send(self._link.responses.encode_end())

    # From one request to the next, or to a WebSocket.

    async def finish(self) -> bool:
        """Prepare for the next request; return `False` if the connection has to close instead.

        Other tasks get their turn here. Otherwise a client that sends many requests at once could keep
        the scheduler to itself.

        Raises:
            RemoteProtocolError: The rest of the body was malformed, or did not arrive.
        """
        await trio.lowlevel.checkpoint()
        link, body = self._link, self.body
        if (watch := body.close()) is not None:
            await watch.wait_stopped()
        if self._is_draining or body.must_be_last or not link.wire.can_keep_alive:
            return False
        if not body.is_to_come:
            body.take()  # its end, which has to be taken from the wire before the next head
        elif not await body.discard():
            return False
        link.wire.start_next_request()
        return True

    def switch_to_websocket(self) -> bytes:
        """Hand the connection over, with the bytes that came after the handshake.

        A client may send its first frames without waiting for the response (RFC 6455 §4.1).

        Raises:
            LocalProtocolError: There is no request, it has a body, or a response was begun.
        """
        self.has_begun_response = True
        early_input = self._link.wire.switch_to_websocket()
        if (watch := self.body.close()) is not None:
            watch.stop()
        return early_input

    def drop(self) -> None:
        """Stop the tasks that still read for the current request, without waiting for them."""
        self.body.drop()
