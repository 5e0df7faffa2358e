"""Reading on after the last response of a connection, so that the client gets to read it.

If bytes reach a closed socket, the system answers them with a reset. The client's system may then
discard everything that its program has not read yet. The response is lost, and the program sees a
broken connection (RFC 9112 §9.6). That affects the responses that matter most, such as a 413 to an
upload that is still under way.

So after the last response, this side ends only its output. Then it reads and discards input until the
client has ended its own side, which shows that the client has seen the end, and therefore the response.

A client that never ends its side must not keep the connection. The rate at which it sends shows which
kind of client it is. A client that is uploading sends without a pause until it notices the response. A
client that sends less than `LINGER_BYTES` in a second is idle, or sends a few bytes to keep the connection.
In both cases it has had time to read.
"""

from __future__ import annotations

import trio

from trioweb._transport.timers import Timers
from trioweb._transport.transport import Transport

LINGER_SECONDS = 10.0
"""The longest time that a client is read from after the last response."""

LINGER_STEP_SECONDS = 1.0
"""The time it has for each `LINGER_BYTES`."""

LINGER_BYTES = 4096
"""The bytes it has to send in each step for reading to go on."""


async def linger(transport: Transport, timers: Timers, *, may_be_sending: bool) -> None:
    """End this side, and read on while the client is still sending.

    Args:
        transport: The connection, whose last response has been sent.
        timers: The clock for the client's deadlines.
        may_be_sending: Whether the client may be in the middle of a request. It matters only for
            streams that cannot end one side alone. On such a stream, closing is the only way to show
            the client that nothing more comes. So it is closed at once if the client has sent
            everything.
    """
    if not transport.end_output() and not may_be_sending:
        return
    deadline = timers.now() + LINGER_SECONDS
    received_bytes = LINGER_BYTES
    while received_bytes >= LINGER_BYTES and (left_seconds := deadline - timers.now()) > 0:
        received_bytes = 0
        with timers.move_on_after(min(left_seconds, LINGER_STEP_SECONDS)):
            while data := await transport.receive():
                received_bytes += len(data)
                await trio.lowlevel.checkpoint()  # it may send so fast that `receive` never waits
            return
