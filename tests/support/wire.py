"""A WebSocket's wire under test, and the events that it makes of its input."""

from __future__ import annotations

from trioweb._wire.client_wire import ClientWire
from trioweb._wire.events import Violation
from trioweb._wire.websocket import WebSocketWire


def new_wire(*, is_client=False, message_bytes=1000, message_fragments=100, **settings):
    side = ClientWire if is_client else WebSocketWire
    return side(message_bytes=message_bytes, message_fragments=message_fragments, **settings)


def drain(wire, most=64):
    """All events that the buffered input gives."""
    found = []
    while wire.is_pending and not wire.is_holding:
        found += wire.events(most)
    return found


def receive(wire, *pieces, most=64):
    """Feed the pieces one after another, and return all events."""
    found = []
    for piece in pieces:
        wire.feed(piece)
        found += drain(wire, most)
    return found


def in_pieces(data, size):
    return [data[start : start + size] for start in range(0, len(data), size)]


def whole(frame):
    """The bytes of an encoded frame, header and payload together."""
    return frame if isinstance(frame, bytes) else b"".join(frame)


def violation(events):
    """The close code and reason of the violation at the end of the events."""
    assert isinstance(events[-1], Violation), events
    return events[-1].close
