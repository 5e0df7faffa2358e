"""A message in several frames, and what has to wait for it."""

from __future__ import annotations

from trioweb._websocket.outbox_entry import Entry


class StreamedMessage:
    """Keeps all other messages back, since only control frames may come between its frames.

    RFC 6455 §5.4 has no way to interleave two messages. Its own frames go into the queue as
    they come. The messages of others are collected here and follow when it is whole.
    It is made when a stream begins and dropped when it ends: a connection that never
    streams has no such object.

    Attributes:
        behind: What follows it, in order.
        is_begun: Whether a frame of it was queued, so that only its last one makes it whole.
    """

    __slots__ = ("behind", "is_begun")

    def __init__(self) -> None:
        self.behind: list[Entry] = []
        self.is_begun = False
