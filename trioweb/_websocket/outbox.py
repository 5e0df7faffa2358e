"""Frames that wait for the peer."""

from __future__ import annotations

from trioweb._websocket.outbox_entry import Entry, Piece, Slot, is_live, size_of
from trioweb._websocket.outbox_front import OutboxFront
from trioweb._websocket.sender_line import SenderLine, WaitingSender
from trioweb._websocket.streamed_message import StreamedMessage
from trioweb._wire.frames import Buffers
from trioweb.errors import OutboxFull

HOLES = 32
"""How many holes, left by messages that were taken back, are closed at a time. Each one then costs little."""


class Outbox(OutboxFront):
    """A queue bounded in bytes and messages, from which the transport takes its buffers.

    A message enters if it fits under both bounds, or if the outbox is empty. A message that finds
    no room waits in line (`SenderLine`) until the outbox has drained to half: if it were let in
    at the first free byte, a sender would be woken for each message that leaves. `OutboxFront`
    has the rest: in which order entries leave.

    A message in several frames holds back all later messages (`StreamedMessage`). If it is never
    completed, they can never leave.

    Attributes:
        waiting: The line.
        stream: The message that is being sent in pieces, if there is one.
        _leaving_messages: Once messages were discarded, the number that `sent_messages` will still
            reach. A `flush` that waits for a higher number waits for a lost message, and raises.
    """

    __slots__ = (
        "_leaving_messages",
        "_low_bytes",
        "_low_messages",
        "_most_bytes",
        "_most_messages",
        "drops",
        "is_sealed",
        "stream",
        "waiting",
    )

    def __init__(self, *, most_messages: int, most_bytes: int) -> None:
        super().__init__()
        self._most_messages, self._low_messages = most_messages, most_messages // 2
        self._most_bytes, self._low_bytes = most_bytes, most_bytes // 2
        self.waiting = SenderLine()
        self.stream: StreamedMessage | None = None
        self._leaving_messages: int | None = None
        self.is_sealed = True
        self.drops = 0

    # Putting in.

    def fits(self, size: int) -> bool:
        """Return whether a message of `size` bytes may enter without waiting in line."""
        return not self.waiting and self._has_space(size)

    def _has_space(self, size: int) -> bool:
        if not self.messages and not self.held_bytes:
            return True
        return self.messages < self._most_messages and self.held_bytes + size <= self._most_bytes

    def may_grow(self, size: int) -> bool:
        """Return whether there is space for this many more bytes in the queue."""
        return size <= 0 or self.held_bytes + size <= self._most_bytes

    def may_ever_fit(self, size: int) -> bool:
        """Return whether making room for it can help at all."""
        return size <= self._most_bytes

    def push_if_fits(self, entry: Entry) -> bool:
        """Queue one message if it may enter without waiting in line."""
        # `fits` and `push` are inlined here: every message that is not written at once comes this way.
        size = len(entry) if type(entry) is bytes else size_of(entry)
        held_bytes, messages = self.held_bytes + size, self.messages + 1
        is_within = messages <= self._most_messages and held_bytes <= self._most_bytes
        if self.waiting or not (is_within or (messages == 1 and held_bytes == size)):
            return False
        (self._queue if self.stream is None else self.stream.behind).append(entry)
        self.messages, self.held_bytes = messages, held_bytes
        if held_bytes > self.high_water_bytes:
            self.high_water_bytes = held_bytes
        return True

    def full(self) -> OutboxFull:
        """Return the exception for a message that `push_if_fits` has not let in."""
        return OutboxFull(
            f"the outbox holds {self.held_bytes} bytes in {self.messages} messages "
            "(Limits.outbox_bytes, Limits.outbox_messages)"
        )

    def push_slot(self, slot: Slot) -> bool:
        """Queue a message that can be taken back, if there is space.

        It may overtake waiting senders, `PASSED_BY` times in a row.
        """
        line = self.waiting
        if line and not (line.let_pass() or (self._admit(1) and line.let_pass())):
            return False
        if not self._has_space(slot.held_bytes):
            return False
        self.push(slot)
        return True

    def push(self, entry: Entry) -> None:
        """Queue one message; the caller has checked that there is space."""
        self._append(self._queue if self.stream is None else self.stream.behind, entry)

    def _append(self, queue: list[Entry], entry: Entry) -> None:
        queue.append(entry)
        self.messages += 1
        self.held_bytes += len(entry) if type(entry) is bytes else size_of(entry)
        if self.held_bytes > self.high_water_bytes:
            self.high_water_bytes = self.held_bytes

    async def push_when_room(self, entry: Entry) -> bool:
        """Queue a message, waiting in line if there is no room; `False` if the outbox was sealed."""
        if self.is_sealed or self.push_if_fits(entry):
            return not self.is_sealed
        return await self.waiting.join(entry).wait(self.leave_line)

    def leave_line(self, *senders: WaitingSender) -> None:
        """Take messages out of the line, and wake the tasks that wait with them."""
        if sum(map(self.waiting.leave, senders)):
            self._admit_if_low()  # the first in line may have been too long to fit, and held up the rest

    def _admit_if_low(self) -> None:
        if self.held_bytes <= self._low_bytes and self.messages <= self._low_messages:
            self._admit(len(self.waiting))

    def _admit(self, most: int) -> bool:
        return self.waiting.admit(self._has_space, self.push, most)

    def seal(self, close_frame: bytes, *, is_urgent: bool) -> None:
        """Let nothing more in; `close_frame` goes last, or next if it is urgent.

        An urgent close frame is for a peer that wants no more messages: those that wait are discarded.
        The rest of a write that has begun still goes first, so no frame is cut in two. A streamed
        message that is not complete stays incomplete, and the messages after it are lost.
        """
        self.is_sealed = True
        if is_urgent:
            self._discard_messages()
        elif self.stream is not None and self.stream.is_begun:
            self._discard(self.stream.behind)
        self.end_stream()
        self._append(self._queue, close_frame)
        self.ledger.close_comes(close_frame)
        self.tell_progress()
        self.waiting.dismiss()

    def discard(self) -> None:
        """Drop everything: the peer is gone."""
        self.is_sealed = True
        if self.held_bytes:  # the close frame is the last of them
            self.ledger.close_is_lost()
        self._discard_messages()
        self._control.clear()
        self._writing.clear()
        self._writing_messages = 0
        self._leaving_messages = self.sent_messages
        self.held_bytes = 0
        self.tell_progress()
        self.waiting.dismiss()

    def _discard_messages(self) -> None:
        if self.stream is not None:
            self._discard(self.stream.behind)
        self._discard(self._queue)

    def _discard(self, queue: list[Entry]) -> None:
        lost = list(filter(is_live, queue))
        self.messages -= len(lost)
        self.held_bytes -= sum(map(size_of, lost))
        queue.clear()
        if lost:
            self._leaving_messages = self.sent_messages + self._writing_messages + self.messages

    def take_back(self, slot: Slot) -> None:
        """Remove a message that has not begun to leave.

        Its hole is closed later, together with others. Searching for it among hundreds each time
        would make a member that has stopped reading more expensive than one that reads.
        """
        slot.is_taken_back = True
        self.messages -= 1
        self.held_bytes -= slot.held_bytes
        self._holes += 1
        if self._holes >= HOLES and self._holes >= self.messages:
            self._queue = list(filter(is_live, self._queue))
            if self.stream is not None:
                self.stream.behind = list(filter(is_live, self.stream.behind))
            self._holes = 0
        if self.waiting:
            self._admit_if_low()

    def resize(self, slot: Slot, held_bytes: int) -> None:
        """Account for a queued message that has been replaced by another in the same place."""
        self.held_bytes += held_bytes - slot.held_bytes
        slot.held_bytes = held_bytes

    # A message in several frames: nothing may come between them (RFC 6455 §5.4).

    def begin_stream(self) -> None:
        """Make other messages wait until the streamed one is complete."""
        self.stream = StreamedMessage()

    def fragment_fits(self, frame: Buffers) -> bool:
        """Return whether there is room for a frame of the streamed message.

        Entries after the stream cannot leave before it, so they do not count here.
        """
        behind = () if self.stream is None else self.stream.behind
        ahead_bytes = self.held_bytes - sum(map(size_of, filter(is_live, behind)))
        return not ahead_bytes or ahead_bytes + size_of(frame) <= self._most_bytes

    def push_fragment(self, frame: Buffers) -> None:
        """Queue a frame of the streamed message. From then on, only its last frame completes it."""
        assert self.stream is not None  # or another message could come next
        self.stream.is_begun = True
        self._append(self._queue, Piece(frame, lambda: self.ledger.piece_leaves(self.sent_messages)))

    def end_stream(self, last_frame: bytes | None = None) -> None:
        """Complete the streamed message with this frame; the messages that waited for it follow."""
        if last_frame is not None and not self.is_sealed:
            self._append(self._queue, last_frame)
        stream, self.stream = self.stream, None
        if stream is not None and stream.behind:
            self._queue += stream.behind
            self.tell_progress()

    # Taking out.

    async def flushed(self) -> bool:
        """Wait until the kernel has everything that is queued now; `False` if some was discarded.

        While messages wait for a stream, nobody knows how many frames will go before them.
        """
        stream = self.stream
        while stream is not None and stream.behind and self.stream is stream:
            await self.wait_for_progress()
            if self._leaving_messages is not None:
                return False
        target = self.sent_messages + self._writing_messages + self.messages
        while self.held_bytes and self.sent_messages < target and not self._has_lost(target):
            await self.wait_for_progress()
        return not self._has_lost(target)

    def _has_lost(self, target: int) -> bool:
        return self._leaving_messages is not None and self._leaving_messages < target

    # The counterpart of `gather`. It is here and not in `OutboxFront`, because frames that leave make room
    # for the line, and a call from one class to the other would cost each write 3 %.
    def advance(self, sent_bytes: int) -> bool:
        """Record that the first `sent_bytes` of the gathered buffers are on their way.

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
            self.tell_progress()
        if self.waiting:
            self._admit_if_low()
        return self.held_bytes > 0
