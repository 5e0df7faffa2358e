"""Reading on after the last response of a connection, so that the client gets to read it.

A socket that is closed while input is unread, or to which more comes, answers with a reset. The
client's system may then throw away what it had received and its program had not read yet: the
response is lost, and what the program sees is a broken connection (RFC 9112 §9.6). That hits just
the responses that matter most, such as a 413 to an upload that is still under way.

So the last response is followed by the end of this side alone. Then input is read and thrown away
until the client has ended its side too, which says that it has seen the end and so the response.
A client that never does must not keep the connection, and whether it is one shows in how much it
sends: one that is uploading sends without a pause, until it notices. One that sends less than
`LINGER_BYTES` in a second is done, or drips to keep the connection, and has had time to read.
"""

from __future__ import annotations

import trio

from trioweb._transport.timers import Timers
from trioweb._transport.transport import Transport

LINGER_SECONDS = 10.0
"""How long a client is read on after the last response, at the most."""

LINGER_STEP_SECONDS = 1.0
"""How long it may take for each `LINGER_BYTES`."""

LINGER_BYTES = 4096
"""What it has to send in each step to be read on: with less it has sent all, or drips."""


async def linger(transport: Transport, timers: Timers, *, may_be_sending: bool) -> None:
    """End this side, and read on while the client is still sending.

    Args:
        transport: What to read from.
        timers: By whose clock.
        may_be_sending: Read on also where only closing tells the client that nothing more
            comes, as over a stream that cannot end one side: a client that has sent all
            would wait for that, so it is closed at once unless it may be sending.
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
                await trio.lowlevel.checkpoint()  # it may send so fast that nothing is waited for
            return
