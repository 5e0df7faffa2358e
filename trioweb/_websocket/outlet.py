"""The outlet of a WebSocket: everything that is written goes through it.

A *pass* is one round of Trio's scheduler: it runs all tasks that are ready, then asks the kernel
what happened. `Flusher.pass_number` changes whenever the pump has brought input or the flusher
has written, so between two changes no new input arrives. A handler that answers sixteen messages
from one read sends its sixteen answers within one pass.

The first message of a pass is written at once. Most messages come alone, and a system call is the
most expensive step on their way. Writing at once costs no task, no wake-up and no copy, and the
message leaves a pass earlier than it would from a queue.

Later messages of the same pass are put off, because each would cost a system call of its own.
Gathered, they leave together when the flusher writes at the start of the next pass: a few dozen
microseconds later, for a fraction of the price. An outlet with messages that were put off is
*dirty*. As soon as 64 KiB wait, they are written at once: a larger write would not be cheaper, and
would need more memory.

`send` asks, in this order:

1. Is the outlet dirty? Then a write has been arranged, and the message joins it.
2. Does a message wait in the inbox? Then the handler is about to answer that one as well, so this
   one is put off. It leaves a little later, and the whole batch leaves in one system call.
3. Is the frame one piece of bytes? Two pieces mean a large payload, which is not copied; a
   late frame is compressed only when it leaves. Both take the queue.
4. Has something been written in this pass, does something wait, or is a stream open?
   Then the message must not, or need not, overtake (`write_first`).

If none of them holds it back, the message is written past the outbox. The questions are in order of
price: two slots, a type, and then the call of a method. A room asks only the third and the fourth:
the inbox of a member does not show whether a publisher will send more.

A KeyboardInterrupt must not come between the two halves of a write, after bytes have left and before
they are counted: the next frame would follow half of another. So the methods that write hold it back
until the next checkpoint, as Trio's own do. That costs nothing at run time.

An outlet refers to nothing above it except the `Closer`, to which it reports its progress. That
makes a cycle, so the outlet releases the closer when the connection ends, as transports release
their receiver.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from trio.lowlevel import enable_ki_protection

from trioweb._transport.engine import Engine
from trioweb._transport.timers import Timer
from trioweb._transport.transport import WRITE_BYTES, Transport
from trioweb._websocket.inbox import Inbox
from trioweb._websocket.outbox import Outbox
from trioweb._websocket.outbox_entry import Entry, LateFrame, Slot
from trioweb._websocket.publication import Publication
from trioweb._wire.encoder import plain_message
from trioweb._wire.websocket import WebSocketWire
from trioweb.closing import Close
from trioweb.config import Limits
from trioweb.errors import LocalProtocolError


class Closer(Protocol):
    """Learns when writing is complete, or the peer has stopped reading: a `ClosingHandshake`."""

    def drained(self) -> None:
        """Everything that waited has been written."""

    def cut(self, because: str) -> None:
        """Give up the peer."""


class Outlet:
    """Encodes messages and empties the outbox: at once, or together at the end of a pass.

    Nothing in here waits. `send`, rooms, pings, pongs and the closing handshake all write
    through it, and it is the transport's `Output`.

    Attributes:
        outbox: What waits to be written.
        wire: The grammar of the frames; `None` before the handshake is accepted.
        transport: What carries the bytes.
        is_dirty: Whether a write has been put off to the end of this pass.
    """

    __slots__ = (
        "_closer",
        "_flusher",
        "_inbox",
        "_on_drained",
        "_progress_timer",
        "_send_seconds",
        "_timers",
        "_written_pass",
        "is_dirty",
        "outbox",
        "transport",
        "wire",
    )

    def __init__(
        self, transport: Transport, engine: Engine, *, inbox: Inbox, limits: Limits, send_seconds: float
    ) -> None:
        self.transport = transport
        self.outbox = Outbox(most_messages=limits.outbox_messages, most_bytes=limits.outbox_bytes)
        self.wire: WebSocketWire | None = None
        self.is_dirty = False
        self._inbox = inbox
        self._flusher = engine.flusher
        self._timers = engine.timers
        self._send_seconds = send_seconds
        self._progress_timer: Timer | None = None
        self._closer: Closer | None = None
        self._on_drained: tuple[Callable[[], None], ...] = ()
        self._written_pass = -1

    def open(self, wire: WebSocketWire, transport: Transport, closer: Closer) -> None:
        """Let messages in from now on."""
        self.wire = wire
        self.transport = transport
        self._closer = closer
        self.outbox.is_sealed = False

    def close(self) -> None:
        """Release everything that refers back here, because nothing more will be written."""
        self._closer = None
        self._on_drained = ()
        if self._progress_timer is not None:
            self._progress_timer.cancel()
            self._progress_timer = None

    # Encoding.

    def encode(self, message: str | bytes) -> Entry:
        """Build what the outbox takes for any message.

        Raises:
            LocalProtocolError: It is not a message, or it is text that UTF-8 cannot express.
        """
        wire, message = self.wire, plain_message(message)
        assert wire is not None  # the outbox is sealed as long as there is none
        try:
            if wire.must_encode_in_order:
                size = len(message if isinstance(message, bytes) else message.encode())
                return LateFrame(wire, message, size)
            return wire.encode(message)
        except UnicodeEncodeError as error:
            raise LocalProtocolError(f"the text cannot be sent as UTF-8: {error}") from error

    @property
    def leaves_at_once(self) -> bool:
        """Whether a message sent now goes before all others, so that it can be compressed now.

        Compression with context takeover cannot be undone: the compressor may see a message
        only when nothing can come before it or drop it any more.
        """
        outbox = self.outbox
        is_alone = not (outbox.held_bytes or outbox.stream or outbox.waiting)
        is_likely_last = not (self.is_dirty or self._inbox.items)
        return is_alone and is_likely_last and self._written_pass != self._flusher.pass_number

    # When to write.

    @enable_ki_protection
    def write_first(self, frame: bytes) -> bool:
        """Write a message at once, past the outbox, if it is the first in this pass and none waits."""
        outbox, pass_number = self.outbox, self._flusher.pass_number
        if outbox.held_bytes or self._written_pass == pass_number:
            return False
        if outbox.stream or outbox.waiting:
            return False
        self._written_pass = pass_number
        sent_bytes = self.transport.try_send(frame)
        outbox.sent_bytes += sent_bytes
        if sent_bytes == len(frame):
            outbox.sent_messages += 1
        else:
            outbox.push_rest(frame, sent_bytes)
            self.flush()
        return True

    @enable_ki_protection
    def write(self) -> None:
        """Write at once, or put it off when more is likely to follow in this pass."""
        flusher = self._flusher
        is_likely_more = self._inbox.items or self._written_pass == flusher.pass_number
        if is_likely_more and self.outbox.held_bytes < WRITE_BYTES:
            if not self.is_dirty:
                self.is_dirty = True
                flusher.put_off(self._flush_if_dirty)
        else:
            self._written_pass = flusher.pass_number
            self.flush()

    @enable_ki_protection
    def flush(self) -> None:
        """Write what waits, as far as the peer takes it."""
        self.is_dirty = False
        self.transport.flush()

    def _flush_if_dirty(self) -> None:
        if self.is_dirty:  # nothing else has flushed it meanwhile
            self.flush()

    # For rooms, which never wait.

    @property
    def is_sealed(self) -> bool:
        """Whether nothing more can be sent."""
        return self.outbox.is_sealed

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be sent."""
        return not self.outbox.held_bytes

    def offer(self, publication: Publication) -> bool:
        """Queue a shared message if it fits now."""
        wire, outbox = self.wire, self.outbox
        if outbox.is_sealed:
            return False
        assert wire is not None  # the outbox is sealed as long as there is none
        frame = publication.frames.get(wire.frame_kind)
        if frame is None:
            entry = publication.entry_for(wire)
        elif type(frame) is bytes and self.write_first(frame):
            return True
        else:
            entry = frame
        if not outbox.push_if_fits(entry):
            return False
        if not self.is_dirty or outbox.held_bytes >= WRITE_BYTES:
            self.write()
        return True

    def offer_slot(self, slot: Slot) -> bool:
        """Queue a message that may be taken back, if there is space for it."""
        if self.outbox.is_sealed or not self.outbox.push_slot(slot):
            return False
        self.write()
        return True

    def call_when_drained(self, callback: Callable[[], None]) -> None:
        """Call `callback` once, soon after everything that waits has been written."""
        if self.is_idle:
            self._flusher.put_off(callback)
        elif callback not in self._on_drained:
            self._on_drained = (*self._on_drained, callback)

    def call_no_more(self, callback: Callable[[], None]) -> None:
        """Forget what was given to `call_when_drained`."""
        self._on_drained = tuple(other for other in self._on_drained if other != callback)

    # Output other than messages: the handshake's answer, pings, pongs and the close frame.

    def begin_with(self, answer: bytes) -> None:
        """Write the answer to the handshake, before which there is nothing."""
        outbox = self.outbox
        outbox.ledger.answer_bytes = len(answer)
        outbox.sent_bytes = sent_bytes = self.transport.try_send(answer)
        if sent_bytes < len(answer):
            outbox.push_control(answer[sent_bytes:])
            self.write()

    def send_ping(self, payload: bytes) -> bool:
        """Queue a ping ahead of all messages; `False` if too many control frames wait."""
        if self.wire is None or self.outbox.is_sealed:  # nothing follows a close frame (RFC 6455 §5.5.1)
            return False
        is_queued = self.outbox.push_control(self.wire.encode_ping(payload))
        self.write()
        return is_queued

    def ping_frame_bytes(self, payload_bytes: int) -> int:
        """Return the length of a ping's frame; a client's has a mask."""
        return 0 if self.wire is None else self.wire.sent_control_header_bytes + payload_bytes

    def send_pong(self, payload: bytes) -> None:
        """Answer a ping (RFC 6455 §5.5.3), unless a close frame has been queued (§5.5.1)."""
        if self.wire is not None and not self.outbox.is_sealed:
            self.outbox.push_pong(self.wire.encode_pong(payload))
            self.write()

    def seal(self, close: Close, *, is_urgent: bool) -> None:
        """Queue the close frame as the last of all, or as the next when it is urgent."""
        assert self.wire is not None  # only an accepted connection has a closing handshake
        self._on_drained = ()
        self.outbox.seal(self.wire.encode_close(close), is_urgent=is_urgent)

    # The transport's side.

    def gather(self) -> list[bytes | memoryview]:
        """Return the next buffers to write; see `Outbox.gather`."""
        return self.outbox.gather()

    def advance(self, sent_bytes: int) -> bool:
        """Note how much is on its way; see `Outbox.advance`."""
        return self.outbox.advance(sent_bytes)

    def drained(self) -> None:
        """Everything queued has been written."""
        # A stream reports each write as blocked before it is done. Such a timer would run on for nothing, and while
        # one does, the loop is looked at many times in its course.
        if self._progress_timer is not None:
            self._progress_timer.cancel()
            self._progress_timer = None
        if self._closer is not None:
            self._closer.drained()
        callbacks, self._on_drained = self._on_drained, ()
        for callback in callbacks:  # in the next pass: the transport is in the middle of writing
            self._flusher.put_off(callback)

    def blocked(self) -> None:
        """The peer takes nothing for now: cut it if that lasts for `Timeouts.send_seconds`."""
        if self._progress_timer is None and self._closer is not None:
            check = partial(self._check_progress, self.outbox.sent_bytes)
            self._progress_timer = self._timers.judge_later(self._send_seconds, check)

    def _check_progress(self, sent_bytes: int) -> None:
        self._progress_timer = None
        if not self.outbox.awaits_peer or self._closer is None:
            return
        if self.outbox.sent_bytes == sent_bytes:
            self._closer.cut("the peer reads nothing (Timeouts.send_seconds)")
        else:
            self.blocked()
