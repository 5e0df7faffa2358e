"""A message in several frames, and the messages that wait for it."""

from __future__ import annotations

from trioweb._websocket.outbox_entry import Entry


class StreamedMessage:
    """Holds back all other messages, because only control frames may come between its frames.

    RFC 6455 §5.4 does not allow two messages to be interleaved. The frames of this one go into the
    queue as they come. Other messages are collected here, and follow when it is complete. The object
    is made when a stream begins and dropped when it ends: a connection that never streams has none.

    Attributes:
        behind: The messages that follow it, in order.
        is_begun: Whether a frame of it was queued, so that only its last frame completes it.
    """

    __slots__ = ("behind", "is_begun")

    def __init__(self) -> None:
        self.behind: list[Entry] = []
        self.is_begun = False
