"""Plain sockets, read and written without a task of their own.

A socket is used in two ways, one after the other. HTTP *pulls*: the session's task asks for the next piece
when it wants one, and does not read while a handler is busy. A WebSocket is *pushed*: after `start`, the
pump reads whenever something has arrived and hands it to a receiver, so that no task has to wait for it,
and pings and close frames are noticed while the handler does other things.

Writing needs no task either. A socket nearly always takes what it is given, so `try_send` and `flush` write
at once, and only a socket whose kernel buffer is full is watched by the pump. Until it is writable again it
is *blocked*: nothing else is tried, and what the application sends piles up in the outbox, where the
overflow policy and the send deadline bound it.

Readiness is a hint, not a promise. Whatever the poller has said, a read or a write may find that there is
nothing to do, so `BlockingIOError` is never a failure here. A socket may also break at any call, which then
raises one of `LOST`. In a read, that counts as the end of input. `try_send` ignores it, and `flush`, which
always follows, gets the same error and ends the connection.
"""

from __future__ import annotations

import logging
import socket

import trio

from trioweb._transport.pump import Pump
from trioweb._transport.transport import LOST, READ_BYTES, Output, Receiver

logger = logging.getLogger("trioweb")

WRITES_PER_TURN = 4
"""Gathered writes in one turn. A peer on a fast line could otherwise keep the pump for as long as its
handler has something to send; the rest is written when the pump reports the socket as writable."""


class SocketTransport:
    """A non-blocking TCP or Unix socket, driven by the pump once `start` was called.

    A plain `socket.socket`, not `trio.SocketStream`: the calls on the hot path are not
    coroutines, and there is no lock and no checkpoint to pay for.
    """

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
        """Always true: the kernel delivers what it has taken, even after the socket is closed."""
        return True

    async def secure(self) -> None:
        """Do nothing: the socket is plain."""

    async def receive(self) -> bytes:
        """Return the bytes that have arrived; `b""` at the end or when the peer is gone."""
        # It yields only if it has to wait. A session that reads in a loop yields by itself, once for each
        # piece that it acts on, and a piece is as much as the kernel has.
        await trio.lowlevel.checkpoint_if_cancelled()
        while (data := self.try_receive()) is None:
            try:
                await trio.lowlevel.wait_readable(self._socket)
            except LOST:  # another task has closed it
                return b""
        return data

    def try_receive(self) -> bytes | None:
        """Return what has arrived; `b""` at the end or when the peer is gone, `None` if nothing has."""
        try:
            return self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return None
        except LOST:
            return b""

    async def send_all(self, data: bytes) -> None:
        """Write `data` whole; a cancellation may cut it off anywhere.

        Raises:
            trio.BrokenResourceError: The peer is gone.
        """
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
        """Wait for a turn of the flusher, for work that takes long."""
        await self._pump.flusher.turn()

    # From pulling to pushing.

    def start(self, receiver: Receiver, output: Output) -> None:
        """Give the socket to the pump."""
        self._receiver, self._output = receiver, output
        self._is_reading = True
        self._watch()

    def pause_reading(self) -> None:
        """Leave the pump's list.

        The kernel's buffer then fills, TCP closes the window, and the peer has to wait: its own
        `send` is where our backpressure ends up.
        """
        if self._is_reading:
            self._is_reading = False
            self._watch()

    def resume_reading(self) -> None:
        """Come back to the pump's list."""
        if not self._is_reading and self._receiver is not None:
            self._is_reading = True
            self._watch()

    def on_readable(self, now: float) -> None:
        """Read once; called by the pump.

        One read, not as many as the socket would give: what is left is reported again, after the
        other sockets have had their turn.
        """
        receiver = self._receiver
        assert receiver is not None  # an aborted transport has left the pump
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except LOST:  # a reset ends the input as FIN does; the protocol above knows what that means
            data = b""
        try:
            if data:
                receiver.data_received(data, now)
            else:
                # Otherwise the pump would report the end in every turn: the socket stays readable.
                self.pause_reading()
                receiver.input_ended()
        except Exception:
            self._fail(receiver)

    def on_writable(self) -> None:
        """Go on writing; called by the pump."""
        receiver = self._receiver
        assert receiver is not None
        self._is_blocked = False
        try:
            self.flush()
        except Exception:
            self._fail(receiver)
        # It may have been aborted, or be blocked again and watched already. Otherwise it leaves the pump's
        # list of writers: a socket that takes data is writable in every turn.
        if self._receiver is not None and not self._is_blocked:
            self._watch()

    def try_send(self, data: bytes) -> int:
        """Write `data` if the socket takes it.

        It never fails. It is called from a handler's `send`, or by a publisher for somebody else's
        connection, and the end of this one is not theirs to handle: `flush` will find it.
        """
        if self._is_blocked:
            return 0
        try:
            return self._socket.send(data)
        except (BlockingIOError, *LOST):
            return 0

    def flush(self) -> None:
        """Write what there is; when the kernel takes no more, the pump goes on later.

        The output is asked for buffers again after each write, instead of being emptied first.
        So what is still in it when the kernel stops can be dropped or replaced by the overflow
        policy.
        """
        if self._is_blocked or self._output is None or self._receiver is None:
            return
        output, receiver = self._output, self._receiver
        for _ in range(WRITES_PER_TURN):
            buffers = output.gather()
            if not buffers:
                output.drained()
                return
            # A single buffer goes by `send`, which is cheaper than a gathered write of one.
            offered = len(buffers[0]) if len(buffers) == 1 else sum(map(len, buffers))
            try:
                sent = self._socket.send(buffers[0]) if len(buffers) == 1 else self._socket.sendmsg(buffers)
            except BlockingIOError:
                sent = 0
            except LOST:
                self._end_after_last_words(receiver)
                return
            is_more = output.advance(sent)
            if sent < offered:  # the kernel is full: another call would only report that
                break
            if not is_more:
                output.drained()
                return
        # Either the kernel is full, or this turn has written enough. In both cases the pump
        # says when to go on, and that is in the next turn if the kernel has room.
        self._is_blocked = True
        self._watch()
        output.blocked()

    def end_input(self) -> None:
        """Make the next read find the end of input, whatever TCP says.

        TLS has an end of input of its own, and whatever follows it on TCP does not count.
        """
        try:
            self._socket.shutdown(socket.SHUT_RD)
        except LOST:  # then the input has ended already
            pass

    def try_close(self) -> bool:
        """Close, unless the kernel holds input.

        A socket that is closed with unread input sends a reset, at which the peer's system may
        throw away what it has received but not yet handed over: the close frame, for one.
        """
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
        """Drop the connection at once.

        It may be called twice: a closed socket has the number -1, which the pump does not know.
        """
        self._receiver = self._output = None
        self._is_reading = self._is_blocked = False
        self._pump.forget(self._socket.fileno())
        self._socket.close()

    async def aclose(self) -> None:
        """Close; the kernel still delivers what it has taken."""
        self.abort()
        await trio.lowlevel.checkpoint()

    def _end_after_last_words(self, receiver: Receiver) -> None:
        """End the connection after a write has failed, but first read what the peer has sent.

        A peer that closes properly sends a close frame and then closes. If we write in between,
        the write fails while the frame lies in the kernel's buffer: to report 1006 then, an
        abnormal closure, would be wrong (RFC 6455 §7.1.5).
        """
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
        """Contain a bug of ours to this one connection; the pump serves all others."""
        logger.exception("internal error: the connection is dropped")
        self.abort()
        receiver.lost()
