"""A WebSocket peer that sends exactly the given bytes, and reads frame by frame.

It is not a client library: it masks, but it checks nothing and sends nothing on its own,
so a test can be a good peer, a bad one or one that has stopped.
"""

from __future__ import annotations

import struct
from contextlib import asynccontextmanager
from typing import NamedTuple

import trio

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MASK = b"\x37\xfa\x21\x3d"


class Frame(NamedTuple):
    opcode: int
    payload: bytes
    is_final: bool = True
    reserved: int = 0


def frame(opcode, payload=b"", *, is_final=True, reserved=0, mask=MASK):
    """Build a client's frame; `mask=None` builds an unmasked one."""
    first = (0x80 if is_final else 0) | reserved << 4 | opcode
    bit = 0x80 if mask else 0
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", first, bit | length)
    elif length < 65536:
        head = struct.pack("!BBH", first, bit | 126, length)
    else:
        head = struct.pack("!BBQ", first, bit | 127, length)
    if not mask:
        return head + payload
    key = (mask * (length // 4 + 1))[:length]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(length, "big")
    return head + mask + masked


def close_frame(code=None, reason=""):
    payload = b"" if code is None else struct.pack("!H", code) + reason.encode()
    return frame(CLOSE, payload)


def handshake(path="/", *headers, host="localhost"):
    """The bytes of an ordinary handshake; a header with the same name replaces the default."""
    fields = {
        "Host": host,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": KEY,
    }
    for name, value in headers:
        fields[name] = value
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
    return f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")


class Peer:
    def __init__(self, stream):
        self.stream = stream
        self.buffer = b""

    async def send(self, data):
        await self.stream.send_all(data)

    async def send_text(self, text):
        await self.send(frame(TEXT, text.encode()))

    async def send_binary(self, data):
        await self.send(frame(BINARY, data))

    async def open(self, path="/", *headers):
        """Shake hands, and return the head of the response, which must be 101."""
        await self.send(handshake(path, *headers))
        head = await self.receive_head()
        assert head.startswith("HTTP/1.1 101"), head
        return head

    async def receive_head(self):
        while b"\r\n\r\n" not in self.buffer:
            data = await self.stream.receive_some(65536)
            assert data, f"the server ended the connection after {self.buffer!r}"
            self.buffer += data
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return head.decode("latin-1")

    async def receive_response(self):
        """Return the head and the body of a response that declares its length."""
        head = await self.receive_head()
        length = 0
        for line in head.split("\r\n")[1:]:
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                length = int(value)
        return head, await self._exactly(length)

    async def receive_frame(self):
        first, second = await self._exactly(2)
        assert not second & 0x80, "a server must not mask (RFC 6455 §5.1)"
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", await self._exactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self._exactly(8))
        payload = await self._exactly(length)
        return Frame(first & 0x0F, payload, bool(first & 0x80), first >> 4 & 7)

    async def receive_text(self):
        got = await self.receive_frame()
        assert (got.opcode, got.is_final) == (TEXT, True), got
        return got.payload.decode()

    async def receive_binary(self):
        got = await self.receive_frame()
        assert (got.opcode, got.is_final) == (BINARY, True), got
        return got.payload

    async def receive_close(self):
        """Return the code and reason of the close frame that must come next, after pings."""
        while (got := await self.receive_frame()).opcode == PING:
            pass
        assert got.opcode == CLOSE, got
        if not got.payload:
            return None, ""
        return int.from_bytes(got.payload[:2], "big"), got.payload[2:].decode()

    async def receive_end(self):
        """Wait for the end of the server's side, and return what came before it."""
        try:
            while data := await self.stream.receive_some(65536):
                self.buffer += data
        except trio.BrokenResourceError:
            pass
        return self.buffer

    async def close(self, code=1000, reason=""):
        """Close as a good peer does, and return the server's close frame."""
        await self.send(close_frame(code, reason))
        answer = await self.receive_close()
        await self.receive_end()
        return answer

    async def _exactly(self, count):
        while len(self.buffer) < count:
            data = await self.stream.receive_some(65536)
            assert data, f"the server ended the connection after {self.buffer!r}"
            self.buffer += data
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken


@asynccontextmanager
async def connected(server):
    """A peer over a real socket of a running server."""
    async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        yield Peer(stream)
