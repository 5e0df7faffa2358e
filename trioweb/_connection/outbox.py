"""Frames that wait for the peer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import cast

import attrs
import trio

from trioweb._connection.transport import WRITE_BYTES

BUFFERS_PER_WRITE = 64
CONTROL_FRAMES = 64
"""Control frames that may wait."""

PONGS = 32
"""When so many control frames wait, a pong takes the place of another."""

Buffers = bytes | tuple[bytes, bytes]
"""A frame: whole, or header and payload apart so that a large payload is not copied."""


@attrs.frozen(kw_only=True)
class OutboxStatistics:
    """What an outbox holds and has done.

    Attributes:
        messages: Messages that wait.
        bytes: Bytes that wait, frame headers included.
        high_water_bytes: The most bytes that ever waited.
        drops: Messages that an overflow policy took out or did not let in.
        is_full: Whether `send` would wait.
    """

    messages: int
    bytes: int
    high_water_bytes: int
    drops: int
    is_full: bool


class Slot(ABC):
    """A queued message that can be taken back, or that is encoded only when it leaves.

    Late encoding is for compression with context takeover: what the compressor has seen
    the peer must see too, in the same order, so nothing may be dropped after encoding.
    """

    __slots__ = ("held_bytes",)

    def __init__(self, held_bytes: int) -> None:
        self.held_bytes = held_bytes

    @abstractmethod
    def encode(self) -> Buffers:
        """Return the frame; called once, when the message leaves."""


Entry = bytes | tuple[bytes, bytes] | Slot


def size_of(entry: Entry) -> int:
    """Return what an entry adds to the bytes held."""
    if isinstance(entry, Slot):
        return entry.held_bytes
    return len(entry) if isinstance(entry, bytes) else len(entry[0]) + len(entry[1])


class Outbox:
    """A queue bounded in bytes and messages, from which the transport takes its buffers.

    Three kinds of bytes are in it, and they leave in this order: what a write has begun
    (`_writing`; it must go out whole), control frames, messages. A message enters if it
    fits under both bounds, or if the outbox is empty. Whoever finds no room waits, first
    come first served, until the outbox has drained to half.
    """

    __slots__ = (
        "_behind",
        "_control",
        "_low_bytes",
        "_low_messages",
        "_most_bytes",
        "_most_messages",
        "_progress",
        "_queue",
        "_turn",
        "_writing",
        "_writing_messages",
        "awaited_room",
        "drops",
        "held_bytes",
        "high_water_bytes",
        "is_sealed",
        "is_streaming",
        "messages",
        "sent_bytes",
        "sent_messages",
    )

    def __init__(self, *, most_messages: int, most_bytes: int) -> None:
        self._most_messages, self._low_messages = most_messages, most_messages // 2
        self._most_bytes, self._low_bytes = most_bytes, most_bytes // 2
        self._queue: list[Entry] = []
        self._behind: list[Entry] = []
        self._control: list[bytes] = []
        self._writing: list[bytes | memoryview] = []
        self.is_streaming = False
        self._turn: trio.StrictFIFOLock | None = None
        self.awaited_room: trio.Event | None = None
        self._progress: trio.Event | None = None
        self._writing_messages = 0
        self.is_sealed = True
        self.messages = 0
        self.sent_messages = 0
        self.held_bytes = 0
        self.high_water_bytes = 0
        self.sent_bytes = 0
        self.drops = 0

    def statistics(self) -> OutboxStatistics:
        """Return what it holds and has done."""
        return OutboxStatistics(
            messages=self.messages,
            bytes=self.held_bytes,
            high_water_bytes=self.high_water_bytes,
            drops=self.drops,
            is_full=not self.fits(1),
        )

    # Putting in.

    def fits(self, size: int) -> bool:
        """Say whether a message of `size` bytes may enter without waiting for its turn."""
        return self.awaited_room is None and self.has_space(size)

    def has_space(self, size: int) -> bool:
        """Say whether it could enter, whoever else waits."""
        if not self.messages and not self.held_bytes:
            return True
        return self.messages < self._most_messages and self.held_bytes + size <= self._most_bytes

    def may_ever_fit(self, size: int) -> bool:
        """Say whether making room for it can help at all."""
        return size <= self._most_bytes

    @property
    def awaits_peer(self) -> bool:
        """Whether something waits that the peer could take now, not only what is behind a stream."""
        return bool(self._writing or self._control or self._queue)

    def push_if_fits(self, entry: Entry) -> bool:
        """Queue one message if it may enter without waiting for its turn."""
        size = len(entry) if type(entry) is bytes else size_of(entry)
        held_bytes, messages = self.held_bytes + size, self.messages + 1
        is_within = messages <= self._most_messages and held_bytes <= self._most_bytes
        if self.awaited_room is not None or not (is_within or (messages == 1 and held_bytes == size)):
            return False
        (self._behind if self.is_streaming else self._queue).append(entry)
        self.messages, self.held_bytes = messages, held_bytes
        if held_bytes > self.high_water_bytes:
            self.high_water_bytes = held_bytes
        return True

    def push(self, entry: Entry) -> None:
        """Queue one message; the caller has made sure that it fits."""
        self._append(self._behind if self.is_streaming else self._queue, entry)

    def _append(self, queue: list[Entry], entry: Entry) -> None:
        queue.append(entry)
        self.messages += 1
        self.held_bytes += len(entry) if type(entry) is bytes else size_of(entry)
        if self.held_bytes > self.high_water_bytes:
            self.high_water_bytes = self.held_bytes

    async def push_when_room(self, entry: Entry, size: int) -> bool:
        """Wait for room, then queue; `False` if the outbox was sealed meanwhile."""
        if self._turn is None:
            self._turn = trio.StrictFIFOLock()
        async with self._turn:
            await self._wait_for_room(size)
            if not self.is_sealed:
                self.push(entry)
        return not self.is_sealed

    async def _wait_for_room(self, size: int) -> None:
        try:
            while not self.is_sealed and not self._is_low_enough(size):
                self.awaited_room = trio.Event()
                await self.awaited_room.wait()
        finally:
            self.awaited_room = None

    def _is_low_enough(self, size: int) -> bool:
        if not self.held_bytes:
            return True
        return (
            self.held_bytes <= self._low_bytes
            and self.messages <= self._low_messages
            and self.held_bytes + size <= self._most_bytes
        )

    def push_control(self, frame: bytes) -> bool:
        """Queue a control frame ahead of all messages; `False` if too many wait already."""
        if len(self._control) >= CONTROL_FRAMES:
            return False
        self._control.append(frame)
        self.held_bytes += len(frame)
        return True

    def push_pong(self, frame: bytes) -> None:
        """Queue a pong; when many wait already, in place of the latest of them.

        Only the latest ping needs an answer (RFC 6455 §5.5.3), so a flood of pings
        from a peer that does not read costs a few frames.
        """
        control = self._control
        if len(control) >= PONGS:
            latest = next((waiting for waiting in reversed(control) if waiting[0] == frame[0]), None)
            if latest is not None:
                control.remove(latest)
                self.held_bytes -= len(latest)
        control.append(frame)
        self.held_bytes += len(frame)

    def seal(self, close_frame: bytes, *, is_urgent: bool) -> None:
        """Let nothing more in; `close_frame` goes last, or at once when it is urgent.

        Urgent means that the peer wants no more messages, or has lost the right to them.
        What a write has begun still goes first, so no frame is cut in two.
        """
        self.is_sealed = True
        if is_urgent:
            self._discard_messages()
        self.end_stream()
        self._append(self._queue, close_frame)
        self._tell_progress()
        self._wake()

    def discard(self) -> None:
        """Forget everything: the peer is gone."""
        self.is_sealed = True
        self._discard_messages()
        self._control.clear()
        self._writing.clear()
        self._writing_messages = 0
        self.held_bytes = 0
        self._tell_progress()
        self._wake()

    def _discard_messages(self) -> None:
        self._queue.clear()
        self._behind.clear()
        self.messages = 0
        self.held_bytes = sum(map(len, self._writing)) + sum(map(len, self._control))

    def take_back(self, slot: Slot) -> None:
        """Remove a message that has not begun to leave."""
        queue = self._queue if slot in self._queue else self._behind
        queue.remove(slot)
        self.messages -= 1
        self.held_bytes -= slot.held_bytes
        self._wake_if_low()

    def resize(self, slot: Slot, held_bytes: int) -> None:
        """A queued message has become another one in the same place."""
        self.held_bytes += held_bytes - slot.held_bytes
        slot.held_bytes = held_bytes

    # A message in several frames: nothing may come between them (RFC 6455 §5.4).

    def begin_stream(self) -> None:
        """Let other messages queue behind the streamed one."""
        self.is_streaming = True

    async def push_fragment(self, frame: Buffers) -> bool:
        """Queue a frame of the streamed message when there is room; `False` if sealed.

        What waits behind the stream cannot leave before it, so it does not count here.
        """
        while not self.is_sealed and not self._fragment_fits(frame):
            await self._wait_for_progress()
        if not self.is_sealed:
            self._append(self._queue, frame)
        return not self.is_sealed

    def _fragment_fits(self, frame: Buffers) -> bool:
        ahead_bytes = self.held_bytes - sum(map(size_of, self._behind))
        return not ahead_bytes or ahead_bytes + size_of(frame) <= self._most_bytes

    def end_stream(self, last_frame: bytes | None = None) -> None:
        """The streamed message is whole with this frame: what waited behind it follows."""
        if last_frame is not None and not self.is_sealed:
            self._append(self._queue, last_frame)
        self.is_streaming = False
        self._queue.extend(self._behind)
        self._behind.clear()

    # Taking out.

    async def flushed(self) -> None:
        """Wait until all that is queued now has been given to the kernel, or discarded."""
        target = self.sent_messages + self._writing_messages + self.messages
        while self.held_bytes and self.sent_messages < target:
            await self._wait_for_progress()

    async def _wait_for_progress(self) -> None:
        if self._progress is None:
            self._progress = trio.Event()
        await self._progress.wait()

    def gather(self) -> list[bytes | memoryview]:
        """Return the buffers to write next, which `advance` changes; small frames are joined to one."""
        writing = self._writing
        if not writing:
            if self._queue and type(self._queue[0]) is bytes and self.held_bytes <= WRITE_BYTES:
                self._take_everything()
            if not writing and self._take_some() <= WRITE_BYTES and len(writing) > 1:
                writing[:] = (b"".join(writing),)
        return writing

    def _take_everything(self) -> None:
        """Join all that waits, if it is built already: the usual case, without looking at each."""
        frames = cast("list[bytes]", self._queue)
        try:
            self._writing.append(b"".join([*self._control, *frames]) if self._control else b"".join(frames))
        except TypeError:  # a frame in two parts, or one that is encoded only when it leaves
            return
        self._writing_messages = len(frames)
        self.messages -= len(frames)
        frames.clear()
        self._control.clear()

    def _take_some(self) -> int:
        writing, queue = self._writing, self._queue
        writing += self._control
        self._control.clear()
        size = sum(map(len, writing))
        taken = 0
        for entry in queue:
            if size >= WRITE_BYTES or len(writing) >= BUFFERS_PER_WRITE:
                break
            taken += 1
            if isinstance(entry, Slot):
                late = entry.encode()
                self.held_bytes += size_of(late) - entry.held_bytes
                entry = late
            if isinstance(entry, bytes):
                writing.append(entry)
                size += len(entry)
            else:
                writing += entry
                size += len(entry[0]) + len(entry[1])
        del queue[:taken]
        self.messages -= taken
        self._writing_messages += taken
        return size

    def push_rest(self, frame: bytes, sent_bytes: int) -> None:
        """Take what is left of a message that found nothing waiting, and is partly on its way."""
        self._writing.append(memoryview(frame)[sent_bytes:])
        self._writing_messages = 1
        self.held_bytes = len(frame) - sent_bytes
        self.high_water_bytes = max(self.high_water_bytes, self.held_bytes)

    def advance(self, sent_bytes: int) -> bool:
        """Take note that the first `sent_bytes` of the gathered buffers are on their way.

        Returns:
            Whether more waits.
        """
        writing = self._writing
        if not writing:  # discarded while they were being written
            return False
        self.sent_bytes += sent_bytes
        self.held_bytes -= sent_bytes
        gone = 0
        for buffer in writing:
            if sent_bytes < len(buffer):
                break
            sent_bytes -= len(buffer)
            gone += 1
        del writing[:gone]
        if sent_bytes:
            writing[0] = memoryview(writing[0])[sent_bytes:]
        if not writing:
            self.sent_messages += self._writing_messages
            self._writing_messages = 0
            self._tell_progress()
        if self.awaited_room is not None:
            self._wake_if_low()
        return self.held_bytes > 0

    def _tell_progress(self) -> None:
        if self._progress is not None:
            self._progress.set()
            self._progress = None

    def _wake_if_low(self) -> None:
        if self.held_bytes <= self._low_bytes and self.messages <= self._low_messages:
            self._wake()

    def _wake(self) -> None:
        if self.awaited_room is not None:
            self.awaited_room.set()
