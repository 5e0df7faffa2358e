"""The entries of an outbox: frames, and messages that become frames only when they leave."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from trioweb._wire.frames import Buffers
from trioweb._wire.websocket import WebSocketWire


class Slot(ABC):
    """A queued message that can be taken back, or that is encoded only when it leaves.

    Compression with context takeover needs late encoding: the peer must see everything that the
    compressor has seen, in the same order, so nothing may be dropped after encoding.

    Attributes:
        held_bytes: How many bytes it adds to those that the outbox holds.
        is_taken_back: Whether it is only a hole in the queue, which the outbox has not closed yet.
    """

    __slots__ = ("held_bytes", "is_taken_back")

    def __init__(self, held_bytes: int) -> None:
        self.held_bytes = held_bytes
        self.is_taken_back = False

    @abstractmethod
    def encode(self) -> Buffers:
        """Return the frame; called once, when the message leaves."""


class Piece(Slot):
    """A frame that is not the last of its message.

    Args:
        frame: The frame.
        leaves: Called when it leaves.
    """

    __slots__ = ("_frame", "_leaves")

    def __init__(self, frame: Buffers, leaves: Callable[[], None]) -> None:
        super().__init__(size_of(frame))
        self._frame = frame
        self._leaves = leaves

    def encode(self) -> Buffers:
        self._leaves()
        return self._frame


class LateFrame(Slot):
    """A message that its connection's compressor sees only when it leaves."""

    __slots__ = ("_message", "_wire")

    def __init__(self, wire: WebSocketWire, message: str | bytes, held_bytes: int) -> None:
        super().__init__(held_bytes)
        self._wire = wire
        self._message = message

    def encode(self) -> Buffers:
        """Compress and frame it now."""
        return self._wire.encode(self._message)


Entry = Buffers | Slot
"""An entry of an outbox: a frame that has been built, or a slot that becomes one."""


def size_of(entry: Entry) -> int:
    """Return how many bytes an entry adds to those that the outbox holds."""
    if isinstance(entry, Slot):
        return entry.held_bytes
    return len(entry) if isinstance(entry, bytes) else len(entry[0]) + len(entry[1])


def is_live(entry: Entry) -> bool:
    """Return whether an entry will leave, because it has not been taken back."""
    return not (isinstance(entry, Slot) and entry.is_taken_back)
