"""The traffic of one WebSocket, in numbers."""

from __future__ import annotations

from typing import NamedTuple

from trioweb._websocket.intake import Intake
from trioweb._websocket.outbox import Outbox


class Traffic(NamedTuple):
    """The traffic of a WebSocket so far.

    Attributes:
        received_messages: Whole messages from the peer, whether or not the handler has received
            them. A message in several frames counts once, when its last frame has arrived.
        received_bytes: Bytes of the frames of these messages, as compressed, headers included. None of
            these numbers includes a message that is incomplete or breaks a rule or a limit, or
            anything after it. After our close, once nothing more can be received, only the peer's
            close frame counts.
        received_control_frames: Pings, pongs and the close frame.
        received_control_bytes: Bytes of these frames, headers included.
        sent_messages: Whole messages that have been handed to the network, including those of rooms.
            A message of `send_stream` counts once, with its last frame. Messages that were queued and then
            lost with the connection do not count.
        sent_bytes: Bytes of the frames of messages, headers included, that have been handed to the network.
        sent_control_frames: Pings, pongs and the close frame.
        sent_control_bytes: Bytes of these frames, headers included.
        sent_handshake_bytes: Bytes of the response to the handshake; no other number includes them.
    """

    received_messages: int = 0
    received_bytes: int = 0
    received_control_frames: int = 0
    received_control_bytes: int = 0
    sent_messages: int = 0
    sent_bytes: int = 0
    sent_control_frames: int = 0
    sent_control_bytes: int = 0
    sent_handshake_bytes: int = 0


def traffic_of(intake: Intake, outbox: Outbox) -> Traffic:
    """Add up what the two sides of a connection have counted."""
    unfinished_bytes = 0 if intake.wire is None else intake.wire.unfinished_bytes
    sent = outbox.ledger.totals(outbox.sent_messages, outbox.sent_bytes, is_drained=not outbox.held_bytes)
    return Traffic(
        intake.received_messages,
        intake.received_bytes - intake.received_control_bytes - unfinished_bytes,
        intake.received_control_frames,
        intake.received_control_bytes,
        *sent,
    )
