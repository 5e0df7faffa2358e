"""What a connection needs from whatever carries its bytes."""

from __future__ import annotations

from typing import Protocol

READ_BYTES = 120 * 1024
"""One read; no peer gets more in a turn. A message of 64 KiB comes whole, and below 128 KiB the
memory is the allocator's own, where a longer piece would be mapped and unmapped each time: ten times
the cost of a short read."""

WRITE_BYTES = 64 * 1024
"""The most bytes gathered for one write; a longer message is written alone."""

LOST = (OSError, ValueError)
"""What a socket raises when its peer, or its descriptor, is gone."""


class Output(Protocol):
    """Where a transport gets the bytes to write, and reports its progress: an `Outlet`."""

    def gather(self) -> list[bytes | memoryview]:
        """Return the next buffers to write, none when there is nothing; good until `advance`."""
        ...

    def advance(self, sent_bytes: int) -> bool:
        """Take note that the first `sent_bytes` of them are on their way; say whether more waits."""
        ...

    def drained(self) -> None:
        """Everything that was to be written has been."""

    def blocked(self) -> None:
        """The peer takes nothing more for now."""


class Receiver(Protocol):
    """The part that receives the input: an `Intake`. No method may block."""

    def data_received(self, data: bytes, now: float) -> None:
        """Take one piece of input."""

    def input_ended(self) -> None:
        """The peer has ended its side."""

    def lost(self) -> None:
        """Nothing can be written any more: the peer is gone, or the connection was dropped."""


class Transport(Protocol):
    """Carries bytes: first pulled by `receive`, for HTTP, then pushed to a receiver.

    Concurrency: one task may be in `receive` and one in `send_all`. After `start`, only
    the synchronous methods and `aclose` are to be used.
    """

    @property
    def is_plain(self) -> bool:
        """Whether `secure` has nothing to do, and `aclose` no more than `abort`."""
        ...

    async def secure(self) -> None:
        """Do the TLS handshake, if there is TLS.

        Raises:
            trio.BrokenResourceError: The peer does not speak it, or is gone.
        """

    async def receive(self) -> bytes:
        """Return the bytes that have arrived; `b""` when the peer has ended its side or is gone."""
        ...

    def try_receive(self) -> bytes | None:
        """Return what `receive` would return without waiting; `None` if it might wait."""
        ...

    async def send_all(self, data: bytes) -> None:
        """Write `data` whole.

        Raises:
            trio.BrokenResourceError: The peer is gone.
        """

    def start(self, receiver: Receiver, output: Output) -> None:
        """Begin to push input to `receiver` and to write what `output` has."""

    def pause_reading(self) -> None:
        """Read no more, so that the peer's TCP window closes."""

    def resume_reading(self) -> None:
        """Read on after `pause_reading`, beginning with what the kernel has kept meanwhile."""

    def try_send(self, data: bytes) -> int:
        """Write `data`, before which nothing waits, as far as that can be done here and now.

        Returns:
            How many of its bytes are on their way; what `output` gives next begins with the rest.
        """
        ...

    def flush(self) -> None:
        """Write what `output` has, as far as that can be done without waiting."""

    def try_close(self) -> bool:
        """Close at once, as servers do first (RFC 6455 §7.1.1), unless input waits that nobody has read.

        With such input a closed socket resets the connection, and the reset can overtake what
        was written. Call this when everything has been written; the receiver is not notified.

        Returns:
            Whether it is closed or closing.
        """
        ...

    def end_output(self) -> bool:
        """Tell the peer that nothing more comes; `False` if only closing can do that."""
        ...

    def abort(self) -> None:
        """Drop the connection at once; the receiver is not notified."""

    async def aclose(self) -> None:
        """Close, giving the peer what is already written."""
