"""A peer made of bytes: it sends what a test says, reads frame by frame, and does nothing on its own.

A client library is a good client: it answers pings, refuses to build a frame that is wrong, and closes when it should.
A test of the other side needs the opposite as often: a peer that sends a frame with a reserved bit, that stops in the
middle of one, or that never answers. So nothing happens here by itself. There is no task, no keepalive, no answer
to a close frame; a peer "has stopped" when the test does not call it.
"""

from __future__ import annotations

import struct

import trio

from trioweb.excerpts import excerpt
from trioweb.testing.raw.frames import (
    BINARY,
    CLOSE,
    EXAMPLE_MASK,
    PING,
    TEXT,
    Frame,
    close_frame,
    frame,
    masked_bytes,
)
from trioweb.testing.raw.handshake import Field, accepting, field_value, handshake

READ_SIZE_BYTES = 64 * 1024

SHOWN_INPUT_BYTES = 1000
"""How much of the received input a failure shows."""


class RawPeer:
    """One side of a connection, in bytes: a good peer, a bad one, or one that has stopped.

    Methods that receive raise `AssertionError` if the connection ends or something else comes, with the bytes
    that did come. They wait for as long as it takes: bound them with `trio.fail_after` or the test runner's limit.

    Args:
        stream: The connection. It is not closed for you.
        is_server: Whether this peer plays the server, to test a client: it then sends frames without a mask, and
            expects the other side's to have one (RFC 6455 §5.1).

    Attributes:
        stream: The connection.
        buffer: Bytes that have been received and not yet taken.
    """

    def __init__(self, stream: trio.abc.Stream, *, is_server: bool = False) -> None:
        self.stream = stream
        self.buffer = b""
        self._is_server = is_server
        self._mask = None if is_server else EXAMPLE_MASK

    async def send(self, data: bytes) -> None:
        """Send exactly these bytes.

        Raises:
            trio.BrokenResourceError: The other side has reset the connection.

        Backpressure: Waits while the other side does not read.
        """
        await self.stream.send_all(data)

    async def send_frame(
        self, opcode: int, payload: bytes = b"", *, is_final: bool = True, reserved: int = 0
    ) -> None:
        """Send one frame, with the mask of this peer's side. For any other frame, send `frame(...)`."""
        await self.send(frame(opcode, payload, is_final=is_final, reserved=reserved, mask=self._mask))

    async def send_text(self, text: str) -> None:
        """Send a message of text in one frame."""
        await self.send_frame(TEXT, text.encode())

    async def send_binary(self, data: bytes) -> None:
        """Send a message of bytes in one frame."""
        await self.send_frame(BINARY, data)

    async def send_close(self, code: int | None = 1000, reason: str = "") -> None:
        """Send a close frame, and nothing more."""
        await self.send(close_frame(code, reason, mask=self._mask))

    async def open(self, path: str = "/", *headers: Field) -> str:
        """Shake hands as a client, and return the head of the response, which must be 101.

        Args:
            path: With the query.
            headers: As for `handshake`.
        """
        await self.send(handshake(path, *headers))
        head = await self.receive_head()
        _require(head.startswith("HTTP/1.1 101"), head)
        return head

    async def accept(self, *headers: Field) -> str:
        """Wait for a handshake, accept it as a server, and return the head of the request.

        Args:
            headers: As for `handshake`; a subprotocol for example, or a wrong `Sec-WebSocket-Accept`.
        """
        request = await self.receive_head()
        await self.send(accepting(request, *headers))
        return request

    async def receive_head(self) -> str:
        """Return the head of a request or a response, without the empty line after it.

        Raises:
            AssertionError: The connection ended before.
        """
        while b"\r\n\r\n" not in self.buffer:
            await self._receive_more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return head.decode("latin-1")

    async def receive_response(self) -> tuple[str, bytes]:
        """Return the head and the body of a response that declares its length."""
        head = await self.receive_head()
        return head, await self.receive_exactly(int(field_value(head, "Content-Length") or 0))

    async def receive_frame(self) -> Frame:
        """Return the next frame, whatever it is: nothing is skipped, joined or inflated.

        Raises:
            AssertionError: It has a mask and comes from a server, or has none and comes from a client; or the
                connection ended before.
        """
        first, second = await self.receive_exactly(2)
        is_masked = bool(second & 0x80)
        _require(is_masked == self._is_server, "a client masks each frame, a server none (RFC 6455 §5.1)")
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", await self.receive_exactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self.receive_exactly(8))
        mask = await self.receive_exactly(4) if is_masked else b""
        payload = await self.receive_exactly(length)
        return Frame(
            first & 0x0F,
            masked_bytes(payload, mask) if mask else payload,
            bool(first & 0x80),
            first >> 4 & 7,
        )

    async def receive_text(self) -> str:
        """Return the message of text that must come next, in one frame."""
        return (await self._receive_message(TEXT)).decode()

    async def receive_binary(self) -> bytes:
        """Return the message of bytes that must come next, in one frame."""
        return await self._receive_message(BINARY)

    async def receive_close(self) -> tuple[int | None, str]:
        """Return the code and the reason of the close frame that must come next, apart from pings.

        Pings are skipped, since a keepalive sends them at moments that a test does not choose.

        Raises:
            AssertionError: Another frame came, or the connection ended without one.
        """
        while (got := await self.receive_frame()).opcode == PING:
            pass
        _require(got.opcode == CLOSE, got)
        if not got.payload:
            return None, ""
        return int.from_bytes(got.payload[:2], "big"), got.payload[2:].decode()

    async def receive_end(self) -> bytes:
        """Wait until the other side ends the connection or resets it, and return what came before."""
        try:
            while data := await self.stream.receive_some(READ_SIZE_BYTES):
                self.buffer += data
        except trio.BrokenResourceError:
            pass
        return self.buffer

    async def receive_exactly(self, count: int) -> bytes:
        """Return this many bytes."""
        while len(self.buffer) < count:
            await self._receive_more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    async def close(self, code: int | None = 1000, reason: str = "") -> tuple[int | None, str]:
        """Close as a good client does, and return the code and the reason of the server's close frame."""
        await self.send_close(code, reason)
        answer = await self.receive_close()
        await self.receive_end()
        return answer

    async def _receive_message(self, opcode: int) -> bytes:
        got = await self.receive_frame()
        _require((got.opcode, got.is_final) == (opcode, True), got)
        return got.payload

    async def _receive_more(self) -> None:
        data = await self.stream.receive_some(READ_SIZE_BYTES)
        if not data:  # the text is made only now: a test may wait for millions of bytes
            raise AssertionError(
                f"the other side ended the connection after {excerpt(self.buffer, SHOWN_INPUT_BYTES)}"
            )
        self.buffer += data


def _require(condition: object, why: object) -> None:
    """Fail the test; a statement would be left out under `python -O`."""
    if not condition:
        raise AssertionError(why)
