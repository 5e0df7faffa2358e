"""Any Trio stream: in-memory pairs, the program's own, sockets where there is neither epoll nor kqueue."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import cast

import trio

from trioweb._transport.transport import READ_BYTES, Output, Receiver

logger = logging.getLogger("trioweb")

GONE = (trio.BrokenResourceError, trio.ClosedResourceError)

FAREWELL_SECONDS = 1.0
"""How long a stream may take to close, as TLS does for a peer that takes no more; then it is dropped."""


class StreamTransport:
    """A stream with a reader task, and a writer task whenever there is something to write."""

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
        """It may be a TLS stream, or one of the program's with a farewell of its own."""
        return False

    async def secure(self) -> None:
        """Shake hands for TLS, if the stream is a TLS one that has not done so."""
        stream: object = self._stream
        if isinstance(stream, trio.SSLStream):
            await cast("trio.SSLStream[trio.abc.Stream]", stream).do_handshake()

    async def receive(self) -> bytes:
        """Return what has come, `b""` at the end or when the peer is gone."""
        try:
            return bytes(await self._stream.receive_some(READ_BYTES))
        except GONE:
            return b""

    def try_receive(self) -> bytes | None:
        """Return nothing: a stream is only asked by waiting."""
        return None

    async def send_all(self, data: bytes) -> None:
        """Write `data` whole; what a cancellation interrupts is cut off anywhere."""
        try:
            await self._stream.send_all(data)
        except trio.ClosedResourceError as error:
            raise trio.BrokenResourceError("the stream was closed") from error

    # From pulling to pushing.

    def start(self, receiver: Receiver, output: Output) -> None:
        """Start the reader task."""
        self._receiver, self._output = receiver, output
        self._may_read.set()
        self._nursery.start_soon(self._read, name="trioweb reader")

    def pause_reading(self) -> None:
        """Hold the reader after its present read."""
        if self._may_read.is_set():
            self._may_read = trio.Event()

    def resume_reading(self) -> None:
        """Let the reader go on."""
        self._may_read.set()

    def try_send(self, data: bytes) -> int:  # noqa: ARG002 - writing to a stream may wait
        """Write nothing: that takes the writer task."""
        return 0

    def flush(self) -> None:
        """Start the writer task unless it runs."""
        if not self._is_writing and not self._is_aborted:
            self._is_writing = True
            self._nursery.start_soon(self._write, name="trioweb writer")

    def try_close(self) -> bool:
        """Begin to close, with the stream's own farewell; it cannot tell what it holds unread."""
        if not self._is_aborted:
            self._let_go()
            self._farewell = trio.Event()
            self._nursery.start_soon(self._say_farewell, self._farewell, name="trioweb farewell")
        return True

    def end_output(self) -> bool:
        """Begin to half close the stream, if it can be: one with TLS says its end by being closed."""
        if self._is_aborted or not isinstance(self._stream, trio.abc.HalfCloseableStream):
            return False
        if not self._has_ended_output:
            self._has_ended_output = True
            self._nursery.start_soon(self._guarded, self._stream.send_eof, name="trioweb half close")
        return True

    def abort(self) -> None:
        """Drop the connection at once."""
        if not self._is_aborted:
            self._let_go()
            self._nursery.start_soon(
                self._guarded, partial(trio.aclose_forcefully, self._stream), name="trioweb abort"
            )

    async def aclose(self) -> None:
        """Close, with the stream's own farewell, or wait for the one that has begun."""
        self._let_go()
        if self._farewell is not None:
            await self._farewell.wait()
            return
        with trio.move_on_after(FAREWELL_SECONDS):
            try:
                await self._stream.aclose()
            except GONE:
                pass

    def _let_go(self) -> None:
        self._is_aborted = True
        self._receiver = None
        self._may_read.set()

    async def _say_farewell(self, said: trio.Event) -> None:
        with trio.move_on_after(FAREWELL_SECONDS):
            await self._guarded(self._stream.aclose)
        said.set()

    async def _guarded(self, method: Callable[[], Awaitable[None]]) -> None:
        """Do what nobody waits for: a stream that fails at its end is not the others' concern."""
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
        if receiver is None:
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
                receiver.output_blocked()
                await self._stream.send_all(data)
                output.advance(len(data))
        except GONE:
            if self._receiver is not None:
                self._receiver.lost()
            return
        except Exception:
            if self._receiver is not None:
                self._fail(self._receiver)
            return
        finally:
            self._is_writing = False
        if self._receiver is not None:
            self._receiver.output_drained()

    def _fail(self, receiver: Receiver) -> None:
        """Contain a bug, ours or the stream's, to this one connection."""
        logger.exception("internal error: the connection is dropped")
        self.abort()
        receiver.lost()
