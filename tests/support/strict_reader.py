"""A reader of a server's frames that forgives nothing (RFC 6455 §5), written independently of ours."""

from __future__ import annotations

import struct
import zlib

CONTROL = {0x8, 0x9, 0xA}


class IllegalWireError(AssertionError):
    """The server broke the protocol."""


class StrictReader:
    """Takes bytes in any pieces; collects messages, and raises at the first illegal byte."""

    def __init__(self, *, is_compressed=False, keeps_context=True):
        self.messages = []
        self.close = None
        self.pongs = []
        self._buffer = b""
        self._open = None
        self._parts = []
        self._is_deflated = False
        self._is_compressed = is_compressed
        self._keeps_context = keeps_context
        self._inflater = zlib.decompressobj(-15)

    @property
    def is_within_message(self):
        """Whether a message is open: the last data frame was not final."""
        return self._open is not None

    def feed(self, data):
        self._buffer += data
        while (taken := self._frame()) is not None:
            self._take(*taken)

    def _frame(self):
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        first, second = buffer[:2]
        _require(not second & 0x80, "a server never masks (§5.1)")
        length, start = second & 0x7F, 2
        if length > 125:
            start, form, shortest = (4, "!H", 126) if length == 126 else (10, "!Q", 65536)
            if len(buffer) < start:
                return None
            (length,) = struct.unpack(form, buffer[2:start])
            _require(length >= shortest, "the shortest form of a length is to be used (§5.2)")
        if len(buffer) < start + length:
            return None
        self._buffer = buffer[start + length :]
        return bool(first & 0x80), first >> 4 & 7, first & 0xF, buffer[start : start + length]

    def _take(self, is_final, reserved, opcode, payload):
        _require(self.close is None, f"nothing follows a close frame (§5.5.1), but {opcode} did")
        if opcode in CONTROL:
            _require(is_final and not reserved and len(payload) <= 125, "a bad control frame (§5.5)")
            self._control(opcode, payload)
            return
        _require(opcode in {0, 1, 2}, f"opcode {opcode} is reserved (§5.2)")
        if opcode:
            _require(self._open is None, "a message begins within another one (§5.4)")
            self._open = opcode
            self._is_deflated = reserved == 4
            _require(not reserved or (self._is_compressed and self._is_deflated), "a reserved bit (§5.2)")
        else:
            _require(self._open is not None, "a continuation of nothing (§5.4)")
            _require(not reserved, "a reserved bit on a continuation (RFC 7692 §6.1)")
        self._parts.append(payload)
        if is_final:
            self._complete(self._open, b"".join(self._parts))
            self._open, self._parts = None, []

    def _complete(self, opcode, data):
        if self._is_deflated:
            if not self._keeps_context:
                self._inflater = zlib.decompressobj(-15)
            data = self._inflater.decompress(data + b"\x00\x00\xff\xff")
        self.messages.append(data.decode() if opcode == 1 else data)

    def _control(self, opcode, payload):
        if opcode == 0x8:
            _require(len(payload) != 1, "a close frame of one byte (§5.5.1)")
            self.close = (int.from_bytes(payload[:2], "big"), payload[2:].decode()) if payload else (None, "")
        elif opcode == 0xA:
            self.pongs.append(payload)


def _require(is_so, why):
    if not is_so:
        raise IllegalWireError(why)
