"""A transport whose bytes are shown to an observer on their way.

A wrapper, not a hook in each transport. Without an observer nothing of this exists: the connection holds the
bare transport, and does not pay for a check. With one, what is wrapped is the place where bytes come out of a
transport (the receiver) and the place where it gets them (the output). These are the same two for sockets,
TLS and streams, so one pair of classes observes them all, and behind TLS it sees plaintext.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator

from trioweb._transport.transport import Output, Receiver, Transport
from trioweb.failures import log_failure

logger = logging.getLogger("trioweb")


class WireObserver:
    """Shows each direction's bytes to a function, until one of the two raises.

    An observer must not change what happens to the connection. So its exception is logged, once,
    and after that it is shown nothing: half a conversation would mislead more than none.

    Args:
        received: Called with the bytes read from the peer.
        sent: Called with the bytes on their way to the peer.
    """

    __slots__ = ("_received", "_sent", "_unseen_bytes")

    def __init__(self, received: Callable[[bytes], None], sent: Callable[[bytes], None]) -> None:
        self._received = received
        self._sent = sent
        self._unseen_bytes = 0

    def skip_sent(self, count: int) -> None:
        """Do not show the next `count` bytes to the peer: they are HTTP, not frames yet."""
        self._unseen_bytes = count

    def received(self, data: bytes) -> None:
        """Show input, before it is acted on."""
        self._show(self._received, data)

    def sent(self, buffers: Iterable[bytes | memoryview], count: int) -> None:
        """Show the first `count` bytes of the buffers, in one piece."""
        data = b"".join(_first_bytes(buffers, count))
        if self._unseen_bytes:
            skipped = min(len(data), self._unseen_bytes)
            self._unseen_bytes -= skipped
            data = data[skipped:]
        if data:
            self._show(self._sent, data)

    def _show(self, function: Callable[[bytes], None], data: bytes) -> None:
        try:
            function(data)
        except Exception as error:
            log_failure(logger, "an observer of the wire failed: it is shown nothing more", error=error)
            self._received = self._sent = _look_away


class ObservedTransport:
    """A stand-in that a connection holds instead of the transport that carries its bytes.

    It hands the transport a receiver and an output that show what passes through them. Only
    what goes past the output, by `try_send`, is shown here. All other methods are the
    transport's own, bound once: they cost no call in between.

    The connection must not be held here, since it holds this object: that would be a cycle,
    and an ended connection would wait for the garbage collector. It is held by the observed
    receiver and output, which the transport releases when it ends.
    """

    __slots__ = (
        "_observer",
        "_transport",
        "abort",
        "aclose",
        "end_output",
        "flush",
        "is_plain",
        "pause_reading",
        "receive",
        "resume_reading",
        "secure",
        "send_all",
        "try_close",
        "try_receive",
    )

    def __init__(self, transport: Transport, observer: WireObserver) -> None:
        self._transport = transport
        self._observer = observer
        # Each by its name: a `__getattr__` would be called at every use, and would hide from type checkers
        # that a method of `Transport` is missing here.
        self.is_plain = transport.is_plain
        self.secure = transport.secure
        self.receive = transport.receive
        self.try_receive = transport.try_receive
        self.send_all = transport.send_all
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.flush = transport.flush
        self.try_close = transport.try_close
        self.end_output = transport.end_output
        self.abort = transport.abort
        self.aclose = transport.aclose

    def start(self, receiver: Receiver, output: Output) -> None:
        """Begin, with both ends observed."""
        self._transport.start(
            ObservedReceiver(receiver, self._observer), ObservedOutput(output, self._observer)
        )

    def try_send(self, data: bytes) -> int:
        """Write as the transport does, and show what is on its way."""
        sent_bytes = self._transport.try_send(data)
        if sent_bytes:
            self._observer.sent((data,), sent_bytes)
        return sent_bytes


class ObservedReceiver:
    """Shows what comes in, then passes it on."""

    __slots__ = ("_observer", "_receiver", "input_ended", "lost")

    def __init__(self, receiver: Receiver, observer: WireObserver) -> None:
        self._receiver = receiver
        self._observer = observer
        self.input_ended = receiver.input_ended
        self.lost = receiver.lost

    def data_received(self, data: bytes, now: float) -> None:
        """Show one piece of input, then let it be acted on.

        In this order, so that an observer sees a request before the reply to it.
        """
        self._observer.received(data)
        self._receiver.data_received(data, now)


class ObservedOutput:
    """Shows what has left, when the transport says that it has."""

    __slots__ = ("_gathered", "_observer", "_output", "blocked", "drained")

    def __init__(self, output: Output, observer: WireObserver) -> None:
        self._output = output
        self._observer = observer
        self.drained = output.drained
        self.blocked = output.blocked
        self._gathered: tuple[bytes | memoryview, ...] = ()

    def gather(self) -> list[bytes | memoryview]:
        """Return the next buffers, and remember them.

        They are shown only in `advance`, when it is known how much has left. By then the output
        may have discarded the rest, because the connection was lost.
        """
        buffers = self._output.gather()
        self._gathered = tuple(buffers)
        return buffers

    def advance(self, sent_bytes: int) -> bool:
        """Show what is on its way, then take note of it."""
        gathered, self._gathered = self._gathered, ()
        self._observer.sent(gathered, sent_bytes)
        return self._output.advance(sent_bytes)


def _first_bytes(buffers: Iterable[bytes | memoryview], count: int) -> Iterator[bytes | memoryview]:
    """Yield what has left of the buffers; a buffer that has left whole is not copied."""
    for buffer in buffers:
        yield buffer if len(buffer) <= count else memoryview(buffer)[:count]
        count -= min(count, len(buffer))


def _look_away(_: bytes) -> None:
    """Replace an observer that failed."""
