"""What a server counts."""

from __future__ import annotations

from collections import Counter

import attrs


@attrs.frozen(kw_only=True)
class ServerStatistics:
    """A server's numbers at one moment.

    Attributes:
        connections: TCP connections now.
        connections_accepted: TCP connections since the start.
        connections_refused: Those that got 503, being above `Limits.connections`.
        requests: HTTP requests answered, refused handshakes included.
        websockets: WebSockets open now.
        websockets_accepted: WebSockets since the start.
        messages_received: Messages from peers on WebSockets that have ended.
        messages_sent: Messages to them.
        bytes_received: Bytes of their frames from peers.
        bytes_sent: Bytes of their frames to them.
        close_codes: How often WebSockets ended with each code.
    """

    connections: int
    connections_accepted: int
    connections_refused: int
    requests: int
    websockets: int
    websockets_accepted: int
    messages_received: int
    messages_sent: int
    bytes_received: int
    bytes_sent: int
    close_codes: dict[int, int]


@attrs.define
class Instruments:
    """The counters behind `ServerStatistics`; sessions write, `read` reads."""

    connections: int = 0
    connections_accepted: int = 0
    connections_refused: int = 0
    requests: int = 0
    websockets: int = 0
    websockets_accepted: int = 0
    messages_received: int = 0
    messages_sent: int = 0
    bytes_received: int = 0
    bytes_sent: int = 0
    close_codes: Counter[int] = attrs.field(factory=Counter[int])

    def read(self) -> ServerStatistics:
        """Return the numbers as they are now."""
        return ServerStatistics(
            connections=self.connections,
            connections_accepted=self.connections_accepted,
            connections_refused=self.connections_refused,
            requests=self.requests,
            websockets=self.websockets,
            websockets_accepted=self.websockets_accepted,
            messages_received=self.messages_received,
            messages_sent=self.messages_sent,
            bytes_received=self.bytes_received,
            bytes_sent=self.bytes_sent,
            close_codes=dict(self.close_codes),
        )
