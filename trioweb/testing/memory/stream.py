"""A connection in memory: two streams, each with a bounded buffer towards the other.

Trio has such streams (`trio.testing.memory_stream_pair`), but theirs take any amount of data at once. Then nothing in a
test would ever be slow: no outbox would fill, no publisher would wait, no policy for slow members would be needed. A
kernel's buffers are bounded, so these are as well.

    client.send_all     ──> MemoryPipe, 64 KiB ──> server.receive_some
    client.receive_some <── MemoryPipe, 64 KiB <── server.send_all

A pipe can stop in two ways, as TCP can. *Ended* is the writer's way, a FIN: the reader gets what there is, and
then the end. *Abandoned* is the reader's way: nobody will read, so what is held is thrown away and writing
fails, as after an RST. A stream that is closed ends one pipe and abandons the other.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio

from trioweb._server.incoming import AddressedStream

BUFFER_BYTES = 64 * 1024
"""How much one side may send before the other reads: about as much as the buffers of a socket on the loopback."""

READ_BYTES_AT_MOST = 64 * 1024

CLOSED = "this side has closed the stream, or ended its output"

Sent = bytes | bytearray | memoryview


class MemoryPipe:
    """One direction: bytes that were written and not yet read, and the ends of both sides."""

    __slots__ = ("_changed", "_held", "_is_abandoned", "_is_ended", "_most_bytes")

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held = bytearray()
        self._is_ended = False
        self._is_abandoned = False
        self._changed = trio.lowlevel.ParkingLot()

    async def write(self, data: memoryview, show: Callable[[bytes], None]) -> None:
        """Write all of it, in as many pieces as there is room for.

        Args:
            data: Is written from its beginning, so what was written before a cancellation is known to nobody.
            show: Is called with each piece before it can be read.
        """
        while True:
            if self._is_ended:
                raise trio.ClosedResourceError(CLOSED)
            if self._is_abandoned:
                raise trio.BrokenResourceError("the other side has closed the stream")
            piece = bytes(data[: self._most_bytes - len(self._held)])
            if piece:
                show(piece)
                self._held += piece
                self._changed.unpark_all()
            data = data[len(piece) :]
            if not data:
                return
            await self._changed.park()

    async def wait_for_room(self) -> None:
        """Wait until a write would not have to wait."""
        while len(self._held) >= self._most_bytes and not (self._is_ended or self._is_abandoned):
            await self._changed.park()
        if self._is_ended:
            raise trio.ClosedResourceError(CLOSED)

    async def read(self, most_bytes: int) -> bytes:
        """Return what was written, at most this much; `b""` at the end."""
        while not self._held:
            if self._is_abandoned:
                raise trio.ClosedResourceError("this side has closed the stream")
            if self._is_ended:
                return b""
            await self._changed.park()
        data = bytes(self._held[:most_bytes])
        del self._held[:most_bytes]
        self._changed.unpark_all()
        return data

    @property
    def has_news(self) -> bool:
        """Whether a read would not have to wait."""
        return bool(self._held) or self._is_ended or self._is_abandoned

    def end(self) -> None:
        """Let nothing more in: the reader gets what there is, and then the end."""
        self._is_ended = True
        self._changed.unpark_all()

    def abandon(self) -> None:
        """Throw away what nobody will read. Writing fails from now on."""
        self._is_abandoned = True
        self._held.clear()
        self._changed.unpark_all()


class MemoryStream(AddressedStream, trio.abc.HalfCloseableStream):
    """One side of a connection in memory.

    One task may send and one may receive. Closing it ends both directions, and the other side gets what was
    sent before, then the end.

    Args:
        incoming: The pipe from which this side reads.
        outgoing: The pipe to which it writes.
        show: Is called with each piece that this side sends.
        show_end: Is called when this side sends no more.
    """

    def __init__(
        self,
        incoming: MemoryPipe,
        outgoing: MemoryPipe,
        show: Callable[[bytes], None],
        show_end: Callable[[], None],
    ) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._show = show
        self._show_end = show_end
        self._is_closed = False
        self._is_sending = False
        self._is_receiving = False

    async def send_all(self, data: Sent) -> None:
        """Send all of it, waiting while the other side does not read.

        Raises:
            trio.BrokenResourceError: The other side has closed its stream.
            trio.ClosedResourceError: This side has closed it, or ended its output.
            trio.BusyResourceError: Another task is sending.

        Cancellation: Pieces that were written before stay written, as with every stream.
        """
        with self._sending():
            await trio.lowlevel.checkpoint()
            with memoryview(data) as view:
                await self._outgoing.write(view, self._show)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until there is room."""
        with self._sending():
            await trio.lowlevel.checkpoint()
            await self._outgoing.wait_for_room()

    @contextmanager
    def _sending(self) -> Iterator[None]:
        if self._is_sending:
            raise trio.BusyResourceError("another task is sending")
        self._is_sending = True
        try:
            yield
        finally:
            self._is_sending = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return what has arrived; `b""` when the other side has sent everything.

        Raises:
            trio.ClosedResourceError: This side has closed it.
            trio.BusyResourceError: Another task is receiving.

        Cancellation: Safe; nothing is lost.
        """
        count = READ_BYTES_AT_MOST if max_bytes is None else operator.index(max_bytes)
        if count < 1:
            raise ValueError(f"max_bytes is at least 1, not {max_bytes}")
        if self._is_receiving:
            raise trio.BusyResourceError("another task is receiving")
        self._is_receiving = True
        try:
            await trio.lowlevel.checkpoint()
            return await self._incoming.read(count)
        finally:
            self._is_receiving = False

    @property
    def is_closed(self) -> bool:
        """Whether this side has closed it."""
        return self._is_closed

    @property
    def has_input(self) -> bool:
        """Whether something has arrived, or the end."""
        return self._incoming.has_news

    async def send_eof(self) -> None:
        """End what this side sends; it can still receive."""
        with self._sending():
            await trio.lowlevel.checkpoint()
        if self._is_closed:
            raise trio.ClosedResourceError(CLOSED)
        self._end()

    def close(self) -> None:
        """Close at once."""
        self._end()
        self._is_closed = True
        self._incoming.abandon()

    async def aclose(self) -> None:
        """Close at once. This waits for nobody: everything that was sent is in the other side's buffer already."""
        self.close()
        await trio.lowlevel.checkpoint()

    def _end(self) -> None:
        if not self._is_closed:
            self._outgoing.end()
            self._show_end()
