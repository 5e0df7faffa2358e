"""Any Trio stream: in-memory pairs, the program's own, sockets where there is neither epoll nor kqueue.

All calls of a stream may wait. None of them reads or writes only what is possible at once, and there is no
descriptor that the pump could watch. So a stream costs what a socket does not: a task that reads, and a
second one for as long as there is something to write. That one is started for each burst and ends after it.
A writer task that waits for work would be simpler, but would double what an idle connection costs.

The methods of a transport must not wait, and those of a stream must. So here closing, half closing and
aborting only *begin*: each starts a task in the engine's nursery that completes it, within a deadline.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import cast

import trio

from trioweb._transport.transport import READ_BYTES, Output, Receiver

logger = logging.getLogger("trioweb")

GONE = (trio.BrokenResourceError, trio.ClosedResourceError)
"""What a stream raises when its peer is gone, or when this side has closed it meanwhile."""

FAREWELL_SECONDS = 1.0
"""How long a stream may take to close. TLS says goodbye first, and waits for ever for a peer that reads
nothing; after this time the stream is dropped."""


class StreamTransport:
    """A stream with a reader task, and a writer task whenever there is something to write.

    The reader stays in its last `receive` until the stream ends, also while reading is paused.
    It is never cancelled: closing the stream makes the read fail, and that ends the task.
    """

    __slots__ = (
        "_farewell",
        "_has_ended_output",
        "_is_aborted",
        "_is_reading",
        "_is_writing",
        "_may_read",
        "_nursery",
        "_output",
        "_receiver",
        "_stream",
    )

    def __init__(self, stream: trio.abc.Stream, nursery: trio.Nursery) -> None:
        self._stream = stream
        self._nursery = nursery
        self._receiver: Receiver | None = None
        self._output: Output | None = None
        self._may_read = trio.Event()
        self._is_reading = False
        self._is_writing = False
        self._is_aborted = False
        self._has_ended_output = False
        self._farewell: trio.Event | None = None

    @property
    def is_plain(self) -> bool:
        """Always false: the stream may be TLS, or one of the program's that closes in its own way."""
        return False

    async def secure(self) -> None:
        """Do the TLS handshake if the stream speaks TLS and has not done it yet.

        It would do so by itself at the first read. But then the handshake would share the time of
        the request's head, and its failure would look like a request that broke off.
        """
        stream: object = self._stream
        if isinstance(stream, trio.SSLStream):
            await cast("trio.SSLStream[trio.abc.Stream]", stream).do_handshake()

    async def receive(self) -> bytes:
        """Return the bytes that have arrived; `b""` at the end or when the peer is gone."""
        try:
            # A stream may return a bytearray, which the wire must not keep: somebody else might change it.
            return bytes(await self._stream.receive_some(READ_BYTES))
        except GONE:
            return b""

    def try_receive(self) -> bytes | None:
        """Return `None`: every read of a stream may wait.

        To read a little and to give it up after no time is not the same: a stream need not promise that a
        cancelled read loses nothing.
        """
        return None

    async def send_all(self, data: bytes) -> None:
        """Write `data` whole; a cancellation may cut it off anywhere."""
        try:
            await self._stream.send_all(data)
        except trio.ClosedResourceError as error:  # by a shutdown: to the caller, the peer is gone
            raise trio.BrokenResourceError("the stream was closed") from error

    # From pulling to pushing.

    def start(self, receiver: Receiver, output: Output) -> None:
        """Start the reader task."""
        self._receiver, self._output = receiver, output
        # In the engine's nursery, not in that of the connection: a handler that ends must not wait for a read
        # that ends only when the stream is closed.
        self._may_read.set()
        self._nursery.start_soon(self._read, name="trioweb reader")

    def pause_reading(self) -> None:
        """Hold the reader after its current read.

        The read itself is not cancelled: a stream need not promise that a cancelled read loses
        nothing. So one piece may still arrive after the pause, and receivers expect that.
        """
        if self._may_read.is_set():
            self._may_read = trio.Event()

    def resume_reading(self) -> None:
        """Let the reader go on."""
        self._may_read.set()

    def try_send(self, data: bytes) -> int:  # noqa: ARG002 - writing to a stream may wait
        """Write nothing, since a write may wait. The message goes to the output, and `flush` writes it."""
        return 0

    def flush(self) -> None:
        """Start the writer task, unless it is running.

        There is never more than one: a stream allows a single `send_all` at a time (`trio.BusyResourceError`).
        A running writer asks the output again after each write, so what was queued meanwhile is not forgotten.
        """
        if not self._is_writing and not self._is_aborted:
            self._is_writing = True
            self._nursery.start_soon(self._write, name="trioweb writer")

    def try_close(self) -> bool:
        """Begin to close the stream in its own way.

        A stream does not show whether it holds unread input, so this cannot refuse as a socket does.
        """
        if not self._is_aborted:
            self._begin_to_close(self._stream.aclose)
        return True

    def end_output(self) -> bool:
        """Begin to half close the stream, if that is possible. TLS can end only both directions at once."""
        if self._is_aborted or not isinstance(self._stream, trio.abc.HalfCloseableStream):
            return False
        if not self._has_ended_output:
            self._has_ended_output = True
            self._nursery.start_soon(self._guarded, self._stream.send_eof, name="trioweb half close")
        return True

    def abort(self) -> None:
        """Drop the connection at once: the receiver gets no more calls, whatever the stream still does."""
        if not self._is_aborted:
            self._begin_to_close(partial(trio.aclose_forcefully, self._stream))

    async def wait_closed(self) -> None:
        """Wait for the closing that has begun; a second at most."""
        if self._farewell is not None:
            await self._farewell.wait()

    async def aclose(self) -> None:
        """Close the stream in its own way, or wait for the closing that has begun."""
        self._let_go()
        # Closing a stream a second time need not wait for the first: it would seem closed too early.
        if self._farewell is not None:
            await self.wait_closed()
            return
        # Trio asks of every stream that it is closed even when its `aclose` is cancelled. The deadline is
        # Trio's own and not one of the timers, since it is not held against the peer.
        with trio.move_on_after(FAREWELL_SECONDS):
            try:
                await self._stream.aclose()
            except GONE:
                pass

    def _let_go(self) -> None:
        self._is_aborted = True
        self._receiver = self._output = None
        self._may_read.set()  # the reader ends, rather than waiting for a `resume_reading` that never comes

    def _begin_to_close(self, close: Callable[[], Awaitable[None]]) -> None:
        self._let_go()
        self._farewell = trio.Event()
        self._nursery.start_soon(self._close, close, self._farewell, name="trioweb farewell")

    async def _close(self, close: Callable[[], Awaitable[None]], closed: trio.Event) -> None:
        try:
            with trio.move_on_after(FAREWELL_SECONDS):
                await self._guarded(close)
        finally:  # at the end of the engine, too: nobody may wait for it for ever
            closed.set()

    async def _guarded(self, method: Callable[[], Awaitable[None]]) -> None:
        """Run a step that no task waits for.

        It runs in the nursery of all connections: an exception there would end the server.
        """
        try:
            await method()
        except GONE:
            pass
        except Exception:
            logger.exception("a stream failed while it was being closed")

    async def _read(self) -> None:
        try:
            while await self._read_once():
                await self._may_read.wait()
        except Exception:
            if self._receiver is not None:
                self._fail(self._receiver)

    async def _read_once(self) -> bool:
        data = await self.receive()
        receiver = self._receiver
        if receiver is None:  # aborted or closed during the read: nobody wants the data
            return False
        if data:
            receiver.data_received(data, trio.current_time())
        else:
            receiver.input_ended()
        return bool(data)

    async def _write(self) -> None:
        output, receiver = self._output, self._receiver
        try:
            while output is not None and receiver is not None and (buffers := output.gather()):
                data = buffers[0] if len(buffers) == 1 else b"".join(buffers)
                # Whether this write will wait cannot be known, so each counts as blocked until it is done:
                # then a peer that reads nothing is noticed on a stream as it is on a socket.
                output.blocked()
                await self._stream.send_all(data)
                output.advance(len(data))
        except GONE:
            if self._receiver is not None:  # else this side has closed the stream, which made the write fail
                self._receiver.lost()
            return
        except Exception:
            if self._receiver is not None:
                self._fail(self._receiver)
            return
        finally:
            self._is_writing = False
        # Reported last: the receiver may want to write more, and `flush` then starts the next writer.
        if self._output is not None:
            self._output.drained()

    def _fail(self, receiver: Receiver) -> None:
        """Contain a bug, ours or the stream's, to this one connection.

        Any exception counts as one: a program's stream may raise what it likes.
        """
        logger.exception("internal error: the connection is dropped")
        self.abort()
        receiver.lost()
