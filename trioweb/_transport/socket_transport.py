"""Plain sockets, read and written without a task of their own."""

from __future__ import annotations

import logging
import socket

import trio

from trioweb._transport.pump import Pump
from trioweb._transport.transport import LOST, READ_BYTES, Output, Receiver

logger = logging.getLogger("trioweb")

WRITES_PER_TURN = 4
"""Gathered writes in one turn; the others wait for the pump, so that nobody hogs it."""


class SocketTransport:
    """A non-blocking TCP or Unix socket, driven by the pump once `start` was called."""

    __slots__ = ("_is_blocked", "_is_reading", "_output", "_pump", "_receiver", "_socket")

    def __init__(self, connected: socket.socket, pump: Pump) -> None:
        connected.setblocking(False)
        self._socket = connected
        self._pump = pump
        self._receiver: Receiver | None = None
        self._output: Output | None = None
        self._is_reading = False
        self._is_blocked = False

    @property
    def is_plain(self) -> bool:
        """It is: the kernel delivers what it has taken after the socket is closed."""
        return True

    async def secure(self) -> None:
        """Do nothing: the socket is plain."""

    async def receive(self) -> bytes:
        """Return what has come, `b""` at the end or when the peer is gone."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while (data := self.try_receive()) is None:
            try:
                await trio.lowlevel.wait_readable(self._socket)
            except LOST:
                return b""
        return data

    def try_receive(self) -> bytes | None:
        """Return what has come, `b""` at the end or when the peer is gone, `None` if nothing has."""
        try:
            return self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return None
        except LOST:
            return b""

    async def send_all(self, data: bytes) -> None:
        """Write `data` whole; what a cancellation interrupts is cut off anywhere."""
        await trio.lowlevel.checkpoint_if_cancelled()
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._socket)
            except LOST as error:
                raise trio.BrokenResourceError(f"the peer is gone: {error}") from error

    async def turn(self) -> None:
        """Wait for a turn to do something that takes long."""
        await self._pump.flusher.turn()

    # From pulling to pushing.

    def start(self, receiver: Receiver, output: Output) -> None:
        """Give the socket to the pump."""
        self._receiver, self._output = receiver, output
        self._is_reading = True
        self._watch()

    def pause_reading(self) -> None:
        """Leave the pump's list, so that the kernel's buffer fills and the window closes."""
        if self._is_reading:
            self._is_reading = False
            self._watch()

    def resume_reading(self) -> None:
        """Come back to the pump's list."""
        if not self._is_reading and self._receiver is not None:
            self._is_reading = True
            self._watch()

    def on_readable(self, now: float) -> None:
        """Read once; called by the pump."""
        receiver = self._receiver
        assert receiver is not None  # the pump forgets what is aborted
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except LOST:
            data = b""
        try:
            if data:
                receiver.data_received(data, now)
            else:
                self.pause_reading()
                receiver.input_ended()
        except Exception:
            self._fail(receiver)

    def on_writable(self) -> None:
        """Write on; called by the pump."""
        receiver = self._receiver
        assert receiver is not None
        self._is_blocked = False
        try:
            self.flush()
        except Exception:
            self._fail(receiver)
        if self._receiver is not None and not self._is_blocked:
            self._watch()

    def try_send(self, data: bytes) -> int:
        """Write `data` if the socket takes it; what is wrong with the socket, `flush` will find."""
        if self._is_blocked:
            return 0
        try:
            return self._socket.send(data)
        except (BlockingIOError, *LOST):
            return 0

    def flush(self) -> None:
        """Write what there is; when the kernel takes no more, the pump goes on later."""
        if self._is_blocked or self._output is None or self._receiver is None:
            return
        output, receiver = self._output, self._receiver
        for _ in range(WRITES_PER_TURN):
            buffers = output.gather()
            if not buffers:
                receiver.output_drained()
                return
            offered = len(buffers[0]) if len(buffers) == 1 else sum(map(len, buffers))
            try:
                sent = self._socket.send(buffers[0]) if len(buffers) == 1 else self._socket.sendmsg(buffers)
            except BlockingIOError:
                sent = 0
            except LOST:
                self._end_after_last_words(receiver)
                return
            is_more = output.advance(sent)
            if sent < offered:
                break
            if not is_more:
                receiver.output_drained()
                return
        self._is_blocked = True
        self._watch()
        receiver.output_blocked()

    def end_input(self) -> None:
        """Let reading find the end, whatever TCP says: behind the end of TLS nothing counts."""
        try:
            self._socket.shutdown(socket.SHUT_RD)
        except LOST:  # which is an end too
            pass

    def try_close(self) -> bool:
        """Close, unless the kernel holds input."""
        try:
            if self._receiver is not None and self._socket.recv(1, socket.MSG_PEEK):
                return False
        except (BlockingIOError, *LOST):
            pass
        self.abort()
        return True

    def end_output(self) -> bool:
        """Send FIN: the peer reads what was written, then the end."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except LOST:
            return False
        return True

    def abort(self) -> None:
        """Drop the connection at once."""
        self._receiver = self._output = None
        self._is_reading = self._is_blocked = False
        self._pump.forget(self._socket.fileno())
        self._socket.close()

    async def aclose(self) -> None:
        """Close; the kernel delivers what it has taken."""
        self.abort()
        await trio.lowlevel.checkpoint()

    def _end_after_last_words(self, receiver: Receiver) -> None:
        """Writing failed; a close frame may still lie in the kernel's buffer unread."""
        self._output = None
        self.pause_reading()
        try:
            data = self._socket.recv(READ_BYTES)
        except (BlockingIOError, *LOST):
            data = b""
        if data:
            receiver.data_received(data, trio.current_time())
        receiver.lost()

    def _watch(self) -> None:
        self._pump.register(self._socket.fileno(), self, reading=self._is_reading, writing=self._is_blocked)

    def _fail(self, receiver: Receiver) -> None:
        """Contain a bug of ours to this one connection."""
        logger.exception("internal error: the connection is dropped")
        self.abort()
        receiver.lost()
