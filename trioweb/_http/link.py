"""The link to one HTTP client: its bytes in both directions, and its deadlines."""

from __future__ import annotations

import trio

from trioweb._transport.timers import Timers
from trioweb._transport.transport import WRITE_BYTES, Transport
from trioweb._wire.http1.response_encoder import ResponseEncoder
from trioweb._wire.http1.wire import Http1Wire
from trioweb.config import Timeouts


class ClientDisconnected(trio.BrokenResourceError):
    """The client is gone, or reads nothing: its response cannot be completed."""


class Link:
    """The part of a connection that receiving a request and sending its response share.

    `Http1Connection` and each `IncomingBody` hold the same link, and it holds neither. So there is
    no cycle to break when a connection ends, and the body can look up how far the response has got
    without asking the connection.

    Attributes:
        transport: Carries the bytes.
        wire: Turns incoming bytes into requests.
        responses: Turns responses into outgoing bytes.
        timers: The client's deadlines, on a clock that stops while this process does.
        timeouts: How long each step may take.
        begun_bytes: How long the current response will be when the piece that is being sent has
            left. A response that leaves in a single write is not counted.
        sent_bytes: How much of the current response has left, including any interim response.
    """

    __slots__ = ("begun_bytes", "responses", "sent_bytes", "timeouts", "timers", "transport", "wire")

    def __init__(self, transport: Transport, wire: Http1Wire, timers: Timers, timeouts: Timeouts) -> None:
        self.transport = transport
        self.wire = wire
        self.responses = ResponseEncoder(wire)
        self.timers = timers
        self.timeouts = timeouts
        self.begun_bytes = 0
        self.sent_bytes = 0

    async def send(self, data: bytes) -> None:
        """Write, giving the client `Timeouts.send_seconds` for each piece of `WRITE_BYTES`.

        One deadline for a whole response would have to guess how fast the client reads. With one
        for each piece a slow client gets its response, and a client that reads nothing is cut.

        Raises:
            ClientDisconnected: The client is gone, or reads nothing.
        """
        for start in range(0, len(data), WRITE_BYTES):
            with self.timers.move_on_after(self.timeouts.send_seconds) as scope:
                try:
                    await self.transport.send_all(data[start : start + WRITE_BYTES])
                except trio.BrokenResourceError as error:
                    raise ClientDisconnected(str(error)) from error
            if scope.cancelled_caught:
                raise ClientDisconnected("the peer reads nothing (Timeouts.send_seconds)")
            self.sent_bytes += min(WRITE_BYTES, len(data) - start)
