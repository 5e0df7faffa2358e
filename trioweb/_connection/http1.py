"""HTTP/1.1 over a transport: heads, bodies and answers, each with its deadline."""

from __future__ import annotations

from collections.abc import Iterable

import trio

from trioweb._connection.transport import Transport
from trioweb._wire.http1 import Body, Ended, EndOfBody, Http1Wire, NeedData
from trioweb._wire.request_head import RequestHead
from trioweb.config import Limits, Timeouts
from trioweb.errors import RemoteProtocolError

DISCARDED_BYTES = 256 * 1024
"""How much of a body that nobody read is thrown away to keep a connection."""

WRITE_BYTES = 64 * 1024
"""One write, which has to make progress within `Timeouts.send_seconds`."""

LINGER_SECONDS = 1.0
"""How long a peer is read on after the last answer, so that no reset overtakes it."""


class Http1Connection:
    """One connection's requests, one after the other (RFC 9112 §9.3).

    For each: `receive_head`, then `receive_body` as often as wanted, `start_response`
    with the pieces behind it, and `finish`. One task uses it.
    """

    __slots__ = (
        "_has_ended_body",
        "_head",
        "_idle_scope",
        "_is_draining",
        "_owes_continue",
        "_timeouts",
        "_transport",
        "_wire",
        "has_answered",
        "sent_bytes",
    )

    def __init__(self, transport: Transport, *, limits: Limits, timeouts: Timeouts) -> None:
        self._transport = transport
        self._timeouts = timeouts
        self._wire = Http1Wire(head_bytes=limits.head_bytes, body_bytes=limits.body_bytes)
        self._idle_scope: trio.CancelScope | None = None
        self._is_draining = False
        self._head: RequestHead | None = None
        self._has_ended_body = True
        self._owes_continue = False
        self.has_answered = False
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
        self.has_answered = False
        self.sent_bytes = 0
        head = self._head_at_once()
        if head is None:
            if not await self._wait_for_first_byte():
                return None
            head = await self._read_head_in_time()
        self._head = head
        if head is not None:
            self._has_ended_body = False
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
        with trio.move_on_after(self._timeouts.idle_seconds) as self._idle_scope:
            if self._is_draining:
                return False
            data = await self._transport.receive()
        self._idle_scope = None
        if data:
            self._wire.feed(data)
        return bool(data)

    async def _read_head_in_time(self) -> RequestHead | None:
        with trio.move_on_after(self._timeouts.head_seconds):
            return await self._read_head()
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

    async def receive_body(self) -> bytes:
        """Return the next piece of the body, `b""` at its end.

        Raises:
            RemoteProtocolError: It is malformed, too long, incomplete or too slow (408).
        """
        while not self._has_ended_body:
            event = self._wire.next_event()
            if isinstance(event, Body):
                return event.data
            if isinstance(event, EndOfBody):
                self._has_ended_body = True
            else:
                assert isinstance(event, NeedData)
                await self._send_continue()
                self._wire.feed(await self._receive_in_time())
        return b""

    async def _receive_in_time(self) -> bytes:
        seconds = self._timeouts.body_seconds
        with trio.move_on_after(seconds):
            await trio.lowlevel.checkpoint()  # a peer that sends fast must not keep the scheduler
            return await self._transport.receive()
        raise RemoteProtocolError(
            f"nothing of the request's body came for {seconds} s (Timeouts.body_seconds)", 408
        )

    async def _send_continue(self) -> None:
        """Ask for the body now that it is wanted (RFC 9110 §10.1.1)."""
        if self._owes_continue and not self.has_answered:
            self._owes_continue = False
            if interim := self._wire.encode_continue():
                await self.send(interim)

    # Answering.

    async def start_response(
        self,
        status: int,
        headers: Iterable[tuple[str, str]],
        *,
        content_bytes: int | None,
        body: bytes | None,
    ) -> None:
        """Send the head, and with it the body if that is held whole.

        Args:
            status: 200 to 599.
            headers: Fields without framing ones.
            content_bytes: The body's length; `None` if only its end will tell.
            body: All of it, or `None` when pieces follow by `send_chunk`.

        Raises:
            trio.BrokenResourceError: The peer is gone, or reads nothing.
        """
        is_close = self._is_draining or (self._owes_continue and not self._has_ended_body)
        self.has_answered = True
        data = self._wire.encode_head(status, headers, content_bytes=content_bytes, is_close=is_close)
        if body is not None:
            data += self._wire.encode_body(body) + self._wire.encode_end()
        await self.send(data)

    async def send_chunk(self, data: bytes) -> None:
        """Send a piece of the body."""
        await trio.lowlevel.checkpoint()  # nor must one that reads fast
        await self.send(self._wire.encode_body(data))

    async def end_response(self) -> None:
        """Say that the body is complete."""
        await self.send(self._wire.encode_end())

    async def send(self, data: bytes) -> None:
        """Write, giving the peer `Timeouts.send_seconds` for each piece of `WRITE_BYTES`.

        Raises:
            trio.BrokenResourceError: The peer is gone, or reads nothing.
        """
        for start in range(0, len(data), WRITE_BYTES):
            with trio.move_on_after(self._timeouts.send_seconds) as scope:
                await self._transport.send_all(data[start : start + WRITE_BYTES])
            if scope.cancelled_caught:
                raise trio.BrokenResourceError("the peer reads nothing (Timeouts.send_seconds)")
        self.sent_bytes += len(data)

    async def finish(self) -> bool:
        """Make ready for the next request; `False` when the connection has to close.

        Lets others run: requests that are here already must not keep the scheduler.
        """
        await trio.lowlevel.checkpoint()
        if self._is_draining or not self._wire.can_keep_alive:
            return False
        with trio.move_on_after(self._timeouts.body_seconds):
            discarded_bytes = 0
            while data := await self.receive_body():
                discarded_bytes += len(data)
                if discarded_bytes > DISCARDED_BYTES:
                    return False
            self._wire.start_next_request()
            return True
        return False

    def switch_to_websocket(self) -> bytes:
        """Hand the connection over, with the bytes that came behind the handshake."""
        self.has_answered = True
        early_input = self._wire.switch_to_websocket()
        self._has_ended_body = True  # the wire lets no handshake with a body pass
        self._head = None
        return early_input

    async def linger(self) -> None:
        """Half close, and read on for a moment: the peer may still be sending."""
        if self._transport.end_output():
            discarded_bytes = 0
            with trio.move_on_after(LINGER_SECONDS):
                while discarded_bytes < DISCARDED_BYTES and (data := await self._transport.receive()):
                    discarded_bytes += len(data)
