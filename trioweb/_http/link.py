"""The link to one HTTP client: its bytes in both directions, and the time it has for them."""

from __future__ import annotations

import trio

from trioweb._http.departure import ClientLeft
from trioweb._transport.timers import Timers
from trioweb._transport.transport import WRITE_BYTES, Transport
from trioweb._wire.http1 import Http1Wire
from trioweb._wire.response_encoder import ResponseEncoder
from trioweb.config import Timeouts


class Link:
    """What reading a request and sending its response have in common.

    The connection and its `IncomingBody` both hold it, and it knows neither: so what the body must
    know of the response, such as whether a piece of it is on its way just now, is looked up here
    instead of being told from one to the other.

    Attributes:
        transport: Carries the bytes.
        wire: Says what those that came in mean.
        responses: Makes those that go out.
        timers: The deadlines of the client. Time in which this side stood still is not in them.
        timeouts: How long each step may take.
        begun_bytes: How far the current response will have come when the piece that is being
            sent has left. Short responses, which leave in one write, are not counted.
        sent_bytes: How much of the current response has left, interim ones included.
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

        A deadline for the whole of a long response would have to know how fast the client is. One
        for each piece need not, and still ends a client that takes nothing.

        Raises:
            ClientLeft: The client is gone, or reads nothing.
        """
        for start in range(0, len(data), WRITE_BYTES):
            with self.timers.move_on_after(self.timeouts.send_seconds) as scope:
                try:
                    await self.transport.send_all(data[start : start + WRITE_BYTES])
                except trio.BrokenResourceError as error:
                    raise ClientLeft(str(error)) from error
            if scope.cancelled_caught:
                raise ClientLeft("the peer reads nothing (Timeouts.send_seconds)")
            self.sent_bytes += min(WRITE_BYTES, len(data) - start)
