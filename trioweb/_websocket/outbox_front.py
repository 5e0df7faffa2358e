"""The front of an outbox: how queued frames leave.

The transport asks for buffers (`gather`), writes as much as the peer takes, and reports how much
that was. Buffers that it was given and has not written yet must go out whole and next, whatever
happens to the queue meanwhile. So they are in a list of their own, in which nothing is replaced,
dropped or inserted. `Outbox` adds the other end, where messages come in, and `advance`.

Each part of the queue is a list, although entries leave at its front. An empty deque takes
600 bytes in every idle connection. And a write takes many messages at a time, so a list has to move
the remaining ones only once for all of them.
"""

from __future__ import annotations

from typing import cast

import trio

from trioweb._transport.transport import WRITE_BYTES
from trioweb._websocket.control_frames import ControlFrames
from trioweb._websocket.ledger import Ledger
from trioweb._websocket.outbox_entry import Entry, Slot, is_live, size_of

BUFFERS_PER_WRITE = 64


class OutboxFront:
    """Three kinds of bytes, which leave in this order: the rest of a write, control frames, messages.

    Attributes:
        messages: How many messages wait in the outbox.
        held_bytes: How many bytes wait, including control frames.
        high_water_bytes: The most that have ever waited.
        sent_messages: Frames and whole messages that are on their way, including the close frame and
            the pieces of unfinished messages. `flushed` needs this number; `ledger` tells them apart.
        sent_bytes: All bytes that are on their way, which show whether the peer reads anything.
        ledger: Counts the part of these two numbers that is not messages.
    """

    __slots__ = (
        "_control",
        "_holes",
        "_progress",
        "_queue",
        "_writing",
        "_writing_messages",
        "held_bytes",
        "high_water_bytes",
        "ledger",
        "messages",
        "sent_bytes",
        "sent_messages",
    )

    def __init__(self) -> None:
        self._queue: list[Entry] = []
        self._control = ControlFrames()
        self._writing: list[bytes | memoryview] = []
        self._writing_messages = 0
        self._holes = 0
        self._progress: trio.Event | None = None
        self.messages: int = 0
        self.held_bytes: int = 0
        self.high_water_bytes = 0
        self.sent_messages: int = 0
        self.sent_bytes: int = 0
        self.ledger = Ledger()

    @property
    def awaits_peer(self) -> bool:
        """Whether something waits that can be sent now, and not only messages held back by a stream."""
        return bool(self._writing or self._control) or any(map(is_live, self._queue))

    def push_control(self, frame: bytes) -> bool:
        """Queue a control frame ahead of all messages; `False` if too many wait already."""
        is_queued = self._control.push(frame)
        self.held_bytes += len(frame) if is_queued else 0
        return is_queued

    def push_pong(self, frame: bytes) -> None:
        """Queue a pong ahead of all messages; if many wait already, in place of another."""
        self.held_bytes += self._control.push_pong(frame)

    def gather(self) -> list[bytes | memoryview]:
        """Return the buffers to write next, with small frames joined into one. `advance` changes the list."""
        writing = self._writing
        if not writing:
            if self._queue and type(self._queue[0]) is bytes and self.held_bytes <= WRITE_BYTES:
                self._take_everything()
            if not writing and self._take_some() <= WRITE_BYTES and len(writing) > 1:
                writing[:] = (b"".join(writing),)
        return writing

    def _take_everything(self) -> None:
        """Join all waiting frames if they are built already: the usual case, without a look at each."""
        frames = cast("list[bytes]", self._queue)
        try:
            self._writing.append(b"".join([*self._control, *frames]) if self._control else b"".join(frames))
        except TypeError:  # a frame in two parts, or one that is encoded only when it leaves
            return
        self._writing_messages = len(frames)
        self.messages -= len(frames)
        frames.clear()
        if self._control:
            self._let_control_leave()

    def _take_some(self) -> int:
        writing, queue = self._writing, self._queue
        if self._control:
            writing += self._control
            self._let_control_leave()
        size = sum(map(len, writing))
        taken = holes = 0
        for entry in queue:
            if size >= WRITE_BYTES or len(writing) >= BUFFERS_PER_WRITE:
                break
            taken += 1
            if isinstance(entry, Slot):
                if entry.is_taken_back:
                    holes += 1
                    continue
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
        self._holes -= holes
        self.messages -= taken - holes
        self._writing_messages += taken - holes
        return size

    def _let_control_leave(self) -> None:
        self.ledger.control_leaves(self._control, self.sent_bytes)
        self._control.clear()

    def push_rest(self, frame: bytes, sent_bytes: int) -> None:
        """Take the rest of a message that was written past the queue, and is partly on its way."""
        self._writing.append(memoryview(frame)[sent_bytes:])
        self._writing_messages = 1
        self.held_bytes = len(frame) - sent_bytes
        self.high_water_bytes = max(self.high_water_bytes, self.held_bytes)

    async def wait_for_progress(self) -> None:
        """Wait until a write is complete, or something else has changed for waiting tasks."""
        if self._progress is None:
            self._progress = trio.Event()
        await self._progress.wait()

    def tell_progress(self) -> None:
        """Wake all tasks that wait for progress."""
        if self._progress is not None:
            self._progress.set()
            self._progress = None
