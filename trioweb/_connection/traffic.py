"""What went over one WebSocket, as numbers."""

from __future__ import annotations

import attrs


@attrs.frozen
class Traffic:
    """What went over a WebSocket so far.

    Attributes:
        received_messages: Whole messages from the peer, received by the handler or not; one in
            several frames counts once, when its last has come.
        received_bytes: Bytes of the frames of messages, headers included, as they came: compressed,
            whole or not, and also of what broke a rule.
        received_control_frames: Pings, pongs and the close frame.
        received_control_bytes: Bytes of these, headers included.
        sent_messages: Whole messages that have been handed to the network, those of rooms too; one
            of `send_stream` counts once, when its last frame has. What was queued and then lost, as the
            connection was cut, does not count.
        sent_bytes: Bytes of the frames of messages, headers included, that have been handed to the network.
        sent_control_frames: Pings, pongs and the close frame.
        sent_control_bytes: Bytes of these, headers included.
        sent_handshake_bytes: Bytes of the answer to the handshake; they are in no other number.
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

    def counts(self) -> tuple[int, ...]:
        """Return the numbers in this order."""
        return (
            self.received_messages,
            self.received_bytes,
            self.received_control_frames,
            self.received_control_bytes,
            self.sent_messages,
            self.sent_bytes,
            self.sent_control_frames,
            self.sent_control_bytes,
            self.sent_handshake_bytes,
        )
