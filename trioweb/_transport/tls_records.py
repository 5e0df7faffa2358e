"""What OpenSSL does for a connection: its handshake, its records, its goodbye.

OpenSSL works on two buffers in memory, `_incoming` and `_outgoing`, and never sees a socket. This class moves
ciphertext between them and the socket's transport. What a connection asks of a transport is in `TlsTransport`,
a subclass.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Sequence

import trio

from trioweb._transport.socket_transport import SocketTransport
from trioweb._transport.transport import WRITE_BYTES

logger = logging.getLogger("trioweb")

RECORD_BYTES = 16 * 1024
"""The most plaintext in one record (RFC 8446 §5.1), so each read empties one."""

FEED_BYTES = 16 * 1024
"""Ciphertext handed to OpenSSL at a time. Its buffers keep the size they once had, so the memory of a
whole read would stay with every connection that has ever sent a long message."""

OWN_BYTES = 16 * 1024
"""How much TLS may have to say by itself, and cannot, before the peer is dropped: some 500 alerts.

A peer can ask for replies without end, by key updates (RFC 8446 §4.6.3), and never read one."""


class TlsRecords:
    """Decrypts and encrypts for one connection, as the server or as the client.

    Args:
        carrier: The socket's transport.
        context: Says which certificates, versions and protocols there are.
        server_hostname: The name or address that the server's certificate must be for; it is also
            told to the server (RFC 6066 §3). `None` on the server itself.

    Attributes:
        _unsent: Ciphertext that the kernel has not taken yet.
        _unsent_plain_bytes: How much plaintext the output still counts as unsent because of it;
            0 while `_unsent` holds nothing but TLS's own records.
    """

    __slots__ = (
        "_carrier",
        "_failure",
        "_has_ended",
        "_has_said_goodbye",
        "_incoming",
        "_is_broken",
        "_outgoing",
        "_tls",
        "_unsent",
        "_unsent_plain_bytes",
    )

    def __init__(
        self, carrier: SocketTransport, context: ssl.SSLContext, server_hostname: str | None = None
    ) -> None:
        self._carrier = carrier
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=server_hostname is None,
            server_hostname=server_hostname,
        )
        self._unsent: list[bytes | memoryview] = []
        self._unsent_plain_bytes = 0
        self._has_ended = False
        self._has_said_goodbye = False
        self._is_broken = False
        self._failure: str | None = None

    async def secure(self) -> None:
        """Do the TLS handshake.

        Raises:
            trio.BrokenResourceError: The peer does not speak TLS, or no version that the
                context allows, or is gone.
        """
        while not self._try_handshake():
            if words := self._outgoing.read():
                await self._carrier.send_all(words)
            if not (data := await self._carrier.receive()):
                raise trio.BrokenResourceError("the peer left during the TLS handshake")
            self._incoming.write(data)
            await self._carrier.turn()  # the next step takes a millisecond; many clients may be waiting
        # A client of TLS 1.2 waits for the end of the handshake. With 1.3 only tickets are left to send, or a
        # client's last words, which leave with its request: one packet less.
        if self._tls.version() != "TLSv1.3" and (words := self._outgoing.read()):
            await self._carrier.send_all(words)

    def _try_handshake(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            self._break_off(error)
            raise trio.BrokenResourceError(f"the TLS handshake failed: {error}") from error
        return True

    def check(self) -> None:
        """Complain if TLS has failed, which a reader sees as the end of the input.

        With TLS 1.3, a server judges the client's certificate after the handshake of the client (RFC 8446 §4.4.3).
        So its alert, which says what is wrong, takes the place of an answer.

        Raises:
            trio.BrokenResourceError: TLS has failed.
        """
        if self._failure is not None:
            raise trio.BrokenResourceError(f"TLS has failed: {self._failure}")

    def _pull(self, data: bytes) -> bytes:
        plain = self._decrypt(data)
        # With TLS 1.3, everything that TLS has to send can wait for the next write. A client of 1.2 that asks for
        # a new handshake waits for the refusal.
        if self._outgoing.pending and not self._unsent and self._tls.version() != "TLSv1.3":
            self._say(self._outgoing.read())
        return plain

    def _decrypt(self, data: bytes) -> bytes:
        """Return everything that can be read now, and note the end or the failure that follows it."""
        pieces: list[bytes] = []
        if len(data) <= FEED_BYTES:
            self._feed(data, pieces)
        else:
            view = memoryview(data)
            for start in range(0, len(data), FEED_BYTES):
                self._feed(view[start : start + FEED_BYTES], pieces)
        if self._outgoing.pending > OWN_BYTES:
            self._break_off("more TLS talk is waiting to be sent than an honest peer makes necessary")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _feed(self, data: bytes | memoryview, pieces: list[bytes]) -> None:
        if self._has_ended:  # OpenSSL reads no more, and this would pile up
            return
        incoming, read = self._incoming, self._tls.read
        incoming.write(data)
        try:
            while incoming.pending:  # an empty buffer would raise an exception
                if not (piece := read(RECORD_BYTES)):
                    self._end_input()
                    break
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass  # part of a record, which stays in OpenSSL's buffer until the rest comes
        except ssl.SSLZeroReturnError:
            self._end_input()
        except ssl.SSLError as error:
            self._break_off(error)

    def _end_input(self) -> None:
        """The peer has sent close_notify: whatever TCP still brings does not count."""
        self._has_ended = True
        self._carrier.end_input()

    def _encrypt(self, buffers: Sequence[bytes | memoryview]) -> bool:
        """Encrypt the first batch of `buffers`, after TLS's own records; `False` if TLS has failed."""
        batch = _first_batch(buffers)
        unsent, write, read = self._unsent, self._tls.write, self._outgoing.read
        try:
            # TLS's own records are in the buffer already, so the first read takes them along.
            # Emptied after each record, since this buffer, too, keeps the size it once had.
            for start in range(0, len(batch), RECORD_BYTES):
                write(batch[start : start + RECORD_BYTES])
                unsent.append(read())
        except ssl.SSLError as error:
            self._break_off(error)
            return False
        self._unsent_plain_bytes = len(batch)
        if self._outgoing.pending:
            unsent.append(read())
        return True

    def _break_off(self, why: ssl.SSLError | str) -> None:
        """TLS has failed: its alert goes out if possible, and nothing after it."""
        # At debug level, since any client can cause it: a scanner must not be able to fill the log.
        logger.debug("a TLS connection is broken off: %s", why)
        self._has_ended = self._is_broken = True
        self._failure = str(why)  # not the exception, whose traceback would lead back here
        if not self._unsent:
            self._say(self._outgoing.read())

    def _say_goodbye(self) -> None:
        # After unsent ciphertext a close_notify would claim that everything before it has arrived.
        if self._has_said_goodbye or self._is_broken or self._unsent:
            return
        self._has_said_goodbye = True
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            pass  # it asks for the peer's close_notify, which need not be waited for (RFC 8446 §6.1)
        self._say(self._outgoing.read())

    def _say(self, words: bytes) -> None:
        if (sent_bytes := self._carrier.try_send(words)) < len(words):
            self._unsent.append(memoryview(words)[sent_bytes:])


def _first_batch(buffers: Sequence[bytes | memoryview]) -> memoryview:
    """Return as much of `buffers` as one write takes; a single buffer is not copied."""
    if len(buffers) == 1:
        return memoryview(buffers[0])[:WRITE_BYTES]
    size, taken = 0, list[memoryview]()
    for buffer in buffers:
        taken.append(memoryview(buffer)[: WRITE_BYTES - size])
        size += len(taken[-1])
        if size >= WRITE_BYTES:
            break
    return memoryview(b"".join(taken))
