"""The counters of a server, and their values at one moment."""

from __future__ import annotations

from collections import Counter

import attrs

from trioweb._websocket.connection import WebSocketConnection
from trioweb._websocket.traffic import Traffic


@attrs.frozen(kw_only=True)
class ServerStatistics:
    """A server's numbers at one moment. The counts of WebSockets are totals since the start, including open ones.

    Attributes:
        connections: TCP connections now.
        connections_accepted: TCP connections since the start.
        connections_refused: TCP connections that were refused because of a limit in `Limits`.
        requests: HTTP requests answered, refused handshakes included.
        websockets: WebSockets open now.
        websockets_accepted: WebSockets since the start.
        messages_received: Whole messages from peers, whether or not a handler has taken them.
        messages_sent: Whole messages that were handed to the network.
        bytes_received: Bytes of the frames of messages from peers, headers included.
        bytes_sent: Bytes of the frames of messages to peers, headers included.
        control_frames_received: Pings, pongs and close frames from peers.
        control_frames_sent: Pings, pongs and close frames to peers.
        control_bytes_received: Bytes of these frames from peers.
        control_bytes_sent: Bytes of these frames to peers.
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
    control_frames_received: int
    control_frames_sent: int
    control_bytes_received: int
    control_bytes_sent: int
    close_codes: dict[int, int]


@attrs.define
class Instruments:
    """The counters of `ServerStatistics`; sessions write, `read` reads.

    Messages are not counted here. Each connection already counts its own for the access log, and a
    second counter would slow down every message. So `read` adds the numbers of all open connections
    to a sum for the connections that have ended.
    """

    connections: int = 0
    connections_accepted: int = 0
    connections_refused: int = 0
    requests: int = 0
    websockets_accepted: int = 0
    close_codes: Counter[int] = attrs.field(factory=Counter[int])
    _open: set[WebSocketConnection] = attrs.field(factory=set[WebSocketConnection], init=False)
    _ended: Traffic = attrs.field(factory=Traffic, init=False)

    @property
    def websockets(self) -> int:
        """How many WebSockets are open now."""
        return len(self._open)

    def opened(self, ws: WebSocketConnection) -> None:
        """Count a WebSocket that was accepted."""
        self.websockets_accepted += 1
        self._open.add(ws)

    def ended(self, ws: WebSocketConnection) -> None:
        """Add the numbers of a WebSocket that has ended to the sum, and release it."""
        self._open.discard(ws)
        self._ended = _sum(self._ended, ws.traffic())
        if ws.closed is not None:
            self.close_codes[ws.closed.code] += 1

    def read(self) -> ServerStatistics:
        """Return the numbers as they are now."""
        traffic = _sum(self._ended, *(ws.traffic() for ws in self._open))
        return ServerStatistics(
            connections=self.connections,
            connections_accepted=self.connections_accepted,
            connections_refused=self.connections_refused,
            requests=self.requests,
            websockets=self.websockets,
            websockets_accepted=self.websockets_accepted,
            messages_received=traffic.received_messages,
            messages_sent=traffic.sent_messages,
            bytes_received=traffic.received_bytes,
            bytes_sent=traffic.sent_bytes,
            control_frames_received=traffic.received_control_frames,
            control_frames_sent=traffic.sent_control_frames,
            control_bytes_received=traffic.received_control_bytes,
            control_bytes_sent=traffic.sent_control_bytes,
            close_codes=dict(self.close_codes),
        )


def _sum(*all_traffic: Traffic) -> Traffic:
    return Traffic(*map(sum, zip(*all_traffic, strict=True)))
