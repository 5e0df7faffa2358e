"""Reading on after the last answer of a connection."""

from __future__ import annotations

import trio

from trioweb._transport.timers import Timers
from trioweb._transport.transport import Transport

LINGER_SECONDS = 10.0
"""How long a peer is read on after the last answer, so that no reset overtakes it."""

LINGER_BYTES = 4096
"""What it has to send in each `LINGER_STEP_SECONDS` of that; with less it has sent all, or drips."""

LINGER_STEP_SECONDS = 1.0


async def linger(transport: Transport, timers: Timers, *, may_be_sending: bool) -> None:
    """Half close, and read on while the peer is still sending.

    What comes to a closed socket is answered with a reset, at which the peer's system
    may throw away an answer that was not read yet (RFC 9112 §9.6).

    Args:
        transport: What to read from.
        timers: By whose clock.
        may_be_sending: Read on also where only closing tells the peer that nothing more
            comes: who has sent all would wait for that.
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
