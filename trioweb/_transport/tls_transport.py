"""TLS between an outbox and a plain socket, without a task of its own.

`trio.SSLStream` would need two tasks for each connection, since all its calls may wait. Here OpenSSL works on
two buffers in memory and never sees the socket (`tls_records.py`). So the socket stays the pump's, and is read
and written by the same code as a plain one: to its receiver and its output, `TlsTransport` *is* the transport,
and to the socket's transport it is the receiver and the output.
"""

from __future__ import annotations

import ssl

import trio

from trioweb._transport.socket_transport import SocketTransport
from trioweb._transport.tls_records import RECORD_BYTES, TlsRecords
from trioweb._transport.transport import WRITE_BYTES, Output, Receiver


class TlsTransport(TlsRecords):
    """A socket's transport with TLS in between.

    What TLS adds to the work of a plain socket:

    - Ciphertext comes in. All of it is decrypted at once and handed on as one piece, so nothing
      stays behind in OpenSSL's buffers when reading pauses. It would never be read: the pump
      watches the socket, and the socket is empty.
    - Plaintext goes out, encrypted a batch at a time, and only when the batch before it has
      left. Encryption cannot be undone: records are numbered, so one that is thrown away breaks
      the connection. Entries in the outbox are still plain, and can be dropped or replaced.
      The rest of a batch that the kernel does not take is kept in `_unsent`, and the output is told of no
      more plaintext than has certainly left: of `n` bytes of ciphertext that remain, at most
      `n` can be plaintext.
    - TLS sends records of its own: session tickets, replies to key updates, alerts. If a write
      follows, they leave with it. Tickets in particular go with the first response, because a
      peer that closes with tickets unread resets the connection.
    - Input ends twice, for TCP and for TLS. An end of TCP without that of TLS may be an attack
      that cuts something off, but HTTP and WebSocket both know by themselves what is incomplete.
    """

    __slots__ = ("_output", "_receiver")

    def __init__(
        self, carrier: SocketTransport, context: ssl.SSLContext, server_hostname: str | None = None
    ) -> None:
        super().__init__(carrier, context, server_hostname)
        self._receiver: Receiver | None = None
        self._output: Output | None = None

    @property
    def is_plain(self) -> bool:
        """Always false: TLS begins with a handshake, and ends with a close_notify."""
        return False

    async def receive(self) -> bytes:
        """Return what has arrived; `b""` at the end of the peer's side or when it is gone."""
        # Before anything is decrypted: OpenSSL gives it only once, and a cancellation must not lose it.
        await trio.lowlevel.checkpoint_if_cancelled()
        plain = self._pull(b"")
        while not plain and not self._has_ended and (data := await self._carrier.receive()):
            plain = self._pull(data)
        return plain

    def try_receive(self) -> bytes | None:
        """Return what has arrived; `b""` at the end or when the peer is gone, `None` if nothing has."""
        if self._incoming.pending:  # it arrived with the end of the handshake
            plain = self._pull(b"")
        elif data := self._carrier.try_receive():
            plain = self._pull(data)
        else:
            return data
        return plain if plain or self._has_ended else None

    async def send_all(self, data: bytes) -> None:
        """Write `data` whole; after a cancellation nothing more can be written."""
        await trio.lowlevel.checkpoint_if_cancelled()
        view = memoryview(data)
        for start in range(0, len(data), WRITE_BYTES):
            if self._is_broken or not self._encrypt((view[start : start + WRITE_BYTES],)):
                raise trio.BrokenResourceError("TLS has failed, or was interrupted while it wrote")
            try:
                await self._carrier.send_all(b"".join(self._unsent))
            except BaseException:  # a cancellation, too: nothing valid can follow half a record
                self._break_off("half a record may have left")
                raise
            self._unsent.clear()
            self._unsent_plain_bytes = 0

    # From pulling to pushing.

    def start(self, receiver: Receiver, output: Output) -> None:
        """Give the socket to the pump; bytes that arrived with the handshake were pulled before."""
        self._receiver, self._output = receiver, output
        self._carrier.start(self, self)

    def pause_reading(self) -> None:
        """Read no more; nothing is held back in here."""
        self._carrier.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self._carrier.resume_reading()

    def try_send(self, data: bytes) -> int:
        """Write `data` if it fits into one record.

        What does not leave of it is encrypted already. So the output must begin with the rest, as
        it does if it was empty before. A longer message goes through the output, batch by batch.
        """
        if self._unsent or self._is_broken or len(data) > RECORD_BYTES:
            return 0
        try:
            self._tls.write(data)
        except ssl.SSLError:
            return 0  # `flush` will find the same
        encrypted = self._outgoing.read()
        sent_bytes = self._carrier.try_send(encrypted)
        if sent_bytes == len(encrypted):
            return len(data)
        self._unsent.append(memoryview(encrypted)[sent_bytes:])
        self._unsent_plain_bytes = min(len(data), len(encrypted) - sent_bytes)
        return len(data) - self._unsent_plain_bytes

    def flush(self) -> None:
        """Write what there is; when the kernel takes no more, the pump goes on later."""
        if self._unsent and not self._unsent_plain_bytes and self._output is not None:
            # TLS's own records are stuck. A receiver that had nothing to write was not notified, but its
            # deadline for a peer that takes nothing has to run.
            self._output.blocked()
        self._carrier.flush()

    def try_close(self) -> bool:
        """Send as much close_notify as the kernel takes, then close, unless the kernel holds input."""
        self._say_goodbye()
        if not self._carrier.try_close():
            return False
        self.abort()
        return True

    def end_output(self) -> bool:
        """Send close_notify, then FIN.

        Not while ciphertext waits: a FIN before it would cut it off.
        """
        self._say_goodbye()
        return not self._unsent and self._carrier.end_output()

    def abort(self) -> None:
        """Drop the connection, without a close_notify: what was written may be incomplete."""
        self._receiver = self._output = None
        self._unsent.clear()
        self._carrier.abort()

    async def aclose(self) -> None:
        """Send close_notify as far as the kernel takes it, then close; the peer need not answer."""
        self._say_goodbye()
        self._receiver = self._output = None
        await self._carrier.aclose()

    # What the socket's transport calls: the receiver, and the output.

    def data_received(self, data: bytes, now: float) -> None:
        """Decrypt all of it, hand it on, then send what TLS has to send.

        In this order, so that a reply of the receiver and TLS's own records share a write.
        """
        plain = self._decrypt(data)
        if plain and self._receiver is not None:
            self._receiver.data_received(plain, now)
        if self._is_broken:  # nothing that still comes could be decrypted
            self._carrier.pause_reading()
            self.lost()
        elif self._outgoing.pending:
            self._carrier.flush()

    def input_ended(self) -> None:
        """The peer has ended its side, with a close_notify or without."""
        if self._receiver is not None:
            self._receiver.input_ended()

    def lost(self) -> None:
        """Nothing can be written any more."""
        # Released before the call, so that there is only one, whatever the receiver does in turn.
        receiver, self._receiver, self._output = self._receiver, None, None
        if receiver is not None:
            receiver.lost()

    def drained(self) -> None:
        """Everything has been written, or never will be."""
        if self._is_broken:  # whatever could still leave, such as an alert, has left
            self.lost()
        elif self._output is not None:
            self._output.drained()

    def blocked(self) -> None:
        """The peer takes nothing more for now."""
        if self._output is not None:
            self._output.blocked()

    def gather(self) -> list[bytes | memoryview]:
        """Return the next ciphertext; it is encrypted when what came before has left."""
        # The output is asked in any case: `try_send` may have left the rest of a message to it, which it
        # has to mark as leaving.
        buffers = [] if self._output is None else self._output.gather()
        if not self._unsent and not self._is_broken:
            self._encrypt(buffers)
        return self._unsent

    def advance(self, sent_bytes: int) -> bool:
        """Tell the output how much of the plaintext has certainly left."""
        unsent, output = self._unsent, self._output
        if output is None:  # lost or aborted while it was being written
            return False
        rest = unsent[0] if len(unsent) == 1 else b"".join(unsent)
        rest_bytes = len(rest) - sent_bytes
        unsent[:] = (memoryview(rest)[sent_bytes:],) if rest_bytes else ()
        before_bytes = self._unsent_plain_bytes
        if not before_bytes:  # these were TLS's own records: only a call shows what else there is
            return True
        self._unsent_plain_bytes = min(before_bytes, rest_bytes)
        is_more = output.advance(before_bytes - self._unsent_plain_bytes)
        return is_more or rest_bytes > 0 or self._outgoing.pending > 0
