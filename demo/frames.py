"""Frames: a live WebSocket, split into the frames of RFC 6455 and shown bit by bit.

Try it with `python demo/frames.py --port 8000`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

import trio

from trioweb import (
    App,
    ConnectionClosed,
    Deflate,
    HTTPError,
    Limits,
    LocalProtocolError,
    OutboxFull,
    WebSocket,
)

from parts.alive import say_alive
from parts.messages import parsed
from parts.page import add_page, serve_alone

KEPT_BYTES = 256  # of each payload; the rest is only counted
QUEUED_FRAMES = 256

app = App()
add_page(app, "frames")


@dataclass(frozen=True)
class Frame:
    first: int  # FIN, RSV1, RSV2, RSV3, and four bits of opcode
    second: int  # MASK, and seven bits of length
    extended: bytes  # the length, where seven bits are too few
    key: bytes  # four bytes, or none
    length: int
    payload: bytes  # the first bytes, as they are on the wire


# THE LESSON: RFC 6455 §5.2. A frame is a header of 2 to 14 bytes, then the payload.
#
#     0 1 2 3 4 5 6 7   8 9 ...      15
#    +-+-+-+-+-------+ +-+-------------+----------------+-------------+---------+
#    |F|R|R|R| opcode| |M| length      | longer length  | masking key | payload |
#    |I|S|S|S|       | |A| up to 125,  | 126:  2 bytes  | MASK = 1:   |         |
#    |N|V|V|V|       | |S| 126 or 127  | 127:  8 bytes  |    4 bytes  |         |
#    | |1|2|3|       | |K|             |                |             |         |
#    +-+-+-+-+-------+ +-+-------------+----------------+-------------+---------+
#
# Bytes arrive in pieces that may end anywhere, even within a header. So the cutter is a generator:
# it reads as if everything were there, and pauses at a `yield` whenever it needs more.
class Cutter:
    """Cuts the bytes of one direction into frames, and keeps next to nothing of them."""

    def __init__(self, found: Callable[[Frame], None]) -> None:
        self._found = found
        self._rest = memoryview(b"")  # received and not taken yet
        self._cutting = self._cut()
        next(self._cutting)

    def feed(self, data: bytes) -> None:
        self._rest = memoryview(bytes(self._rest) + data)
        next(self._cutting)

    def _cut(self) -> Generator[None, None, None]:
        while True:
            first, second = yield from self._take(2)
            length, extended = second & 0b0111_1111, b""
            if length >= 126:
                extended = yield from self._take(2 if length == 126 else 8)
                length = int.from_bytes(extended, "big")
            key = (yield from self._take(4)) if second & 0b1000_0000 else b""
            payload, left = b"", length
            while left:  # perhaps a gigabyte, of which only the first bytes are kept
                piece = yield from self._take(1, most=left)
                payload += piece[: KEPT_BYTES - len(payload)]
                left -= len(piece)
            self._found(Frame(first, second, extended, key, length, payload))

    def _take(self, least: int, most: int | None = None) -> Generator[None, None, bytes]:
        while len(self._rest) < least:
            yield
        taken = self._rest[: most or least]
        self._rest = self._rest[len(taken) :]
        return bytes(taken)


# A mask is not a secret: its key precedes the payload. It keeps a page from choosing the bytes that
# a proxy sees (§10.3), and the XOR that applied it also removes it (§5.3).
def unmasked(payload: bytes, key: bytes) -> bytes:
    return bytes(byte ^ key[place % 4] for place, byte in enumerate(payload)) if key else payload


# The meaning of each part of a frame, for the page to draw.
def anatomy(frame: Frame) -> dict[str, object]:
    return {
        "fin": frame.first >> 7,  # the last frame of its message (§5.4)
        "rsv1": frame.first >> 6 & 1,  # compressed, if both sides agreed on that (RFC 7692 §6)
        "rsv2": frame.first >> 5 & 1,
        "rsv3": frame.first >> 4 & 1,
        "opcode": frame.first & 0b1111,
        "mask": frame.second >> 7,
        "short_length": frame.second & 0b0111_1111,
        "extended": frame.extended.hex(),
        "length": frame.length,
        "key": frame.key.hex(),
        "wire": frame.payload.hex(),
        "payload": unmasked(frame.payload, frame.key).hex(),
    }


class Viewer:
    """A page that watches. Frames wait here for it, up to a bound, and nothing waits for the page."""

    def __init__(self) -> None:
        self._put, self._waiting = trio.open_memory_channel[tuple[int, str, float, Frame]](QUEUED_FRAMES)
        self._started = trio.current_time()
        self._count = self._missed = 0
        self.subject: WebSocket | None = None

    # This is called for each frame, while other connections wait to be read and written. So it only
    # puts the frame into a queue. A slow page misses frames until it has caught up.
    def show(self, sender: str, frame: Frame) -> None:
        self._count += 1
        if not self._missed:
            try:
                seconds = trio.current_time() - self._started
                self._put.send_nowait((self._count, sender, seconds, frame))
                return
            except trio.WouldBlock:
                pass
        self._missed += 1

    async def tell(self, ws: WebSocket) -> None:
        async for number, sender, seconds, frame in self._waiting:
            head = {"type": "frame", "number": number, "sender": sender, "seconds": round(seconds, 6)}
            await ws.send_json(head | anatomy(frame))
            if self._missed and not self._waiting.statistics().current_buffer_used:
                count, self._missed = self._missed, 0
                await ws.send_json({"type": "missed", "count": count})


# A page first opens a view. The key that it gets here leads to its own frames only.
viewers: dict[str, Viewer] = {}


@app.websocket("/view", limits=Limits(message_bytes=4 * 1024))
async def view(ws: WebSocket) -> None:
    key = secrets.token_urlsafe(16)
    viewer = viewers[key] = Viewer()
    try:
        await ws.send_json({"type": "welcome", "key": key})
        ws.nursery.start_soon(viewer.tell, ws)
        ws.nursery.start_soon(say_alive, ws)
        async for message in ws:
            try:
                await obey(viewer.subject, parsed(message))
            except (ValueError, LocalProtocolError, OutboxFull) as error:
                await ws.send_json({"type": "error", "text": str(error)})
    finally:
        del viewers[key]


# The connection under observation is an ordinary echo. The observer has to be set before the
# handshake is accepted, so that it misses no byte. Connections without one pay nothing.
@app.websocket("/ws/{key}")
@app.websocket("/compressed/{key}", compression=Deflate(context_takeover=False, minimum_bytes=0))
async def subject(ws: WebSocket, key: str) -> None:
    if key not in viewers:
        raise HTTPError(404, "Open a view first: it tells the key.")
    viewer = viewers[key]
    ws.observe_wire(
        received=Cutter(partial(viewer.show, "browser")).feed,
        sent=Cutter(partial(viewer.show, "server")).feed,
    )
    viewer.subject = ws
    async for message in ws:
        await ws.send(message)


# Actions that only the server can take: one at a time, each for five seconds at most.
async def obey(ws: WebSocket | None, request: Any) -> None:
    if ws is None or ws.closed:
        raise ValueError("There is no open connection to do that with.")
    with trio.move_on_after(5):
        try:
            match request:
                case {"type": "ping"}:
                    await ws.ping()
                case {"type": "fragments"}:
                    async with ws.send_stream(text=True) as pieces:
                        for words in ("One message, ", "sent in pieces, ", "each a frame."):
                            await pieces.send(words)
                case {"type": "close", "code": int(code), "reason": str(reason)}:
                    await ws.aclose(code, reason)
                case _:
                    raise ValueError('Expected the type "ping", "fragments" or "close" (code, reason).')
        except ConnectionClosed:  # the subject has ended, but the view goes on
            pass


if __name__ == "__main__":
    serve_alone(app)
