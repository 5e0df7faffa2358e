"""The transcript of a connection: the last frames and heads that have passed, in both directions.

        0.000 s  client -> server  GET /chat HTTP/1.1  (178 bytes)
        0.000 s  client <- server  HTTP/1.1 101 Switching Protocols  (125 bytes)
        0.000 s  client <- server  TEXT  5 bytes  'hello'
       40.000 s                    4 pings and pongs

It is written while the bytes pass, for every connection, since nobody knows beforehand which test is going to fail. So it
is bounded, keeps only the beginnings of payloads, and formats nothing before it is shown.

It also knows the difference between a connection on which something happens and one that only shows that it is there:
pings, pongs, and the comments in a quiet stream of events. Between two programs that wait for each other for ever these
go on for ever, so only the rest counts as progress.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

import trio

from trioweb.testing.memory.frame_sniffer import FrameSniffer, SniffedFrame, shortened_repr

ENTRIES = 32
"""How many lines are kept. A failure shows the last ones, and the cause is nearly always among them."""

HEAD_END = b"\r\n\r\n"
HEAD_BYTES = 64 * 1024
"""The longest head that is looked at for what follows it."""

QUIET_COMMENT = b"3\r\n:\n\n\r\n"
"""The comment of a quiet `EventStream` as a chunk, in one piece as the server sends it."""


class Progress:
    """Counts, for all connections of the kit, what is not upkeep. Only a change of the number means anything."""

    count = 0


class Side(Enum):
    """The sender of a piece."""

    CLIENT = "client -> server"
    SERVER = "client <- server"


class _Content(Enum):
    """The meaning of the bytes of a connection."""

    UNKNOWN = "the client's first head has not arrived"
    REQUESTS = "HTTP"
    HANDSHAKE = "the client asked for a WebSocket, and the server has not answered"
    FRAMES = "a WebSocket"


class _Entry:
    """One line of the transcript, which becomes text only when it is shown.

    `upkeep` counts the pings, pongs or comments in a row that share the line; 0 is for everything else.
    """

    __slots__ = ("seconds", "side", "upkeep", "what")

    def __init__(self, seconds: float, side: Side, what: object, *, upkeep: int = 0) -> None:
        self.seconds = seconds
        self.side = side
        self.what = what
        self.upkeep = upkeep

    def __str__(self) -> str:
        if self.upkeep > 1:
            kind = "pings and pongs" if isinstance(self.what, SniffedFrame) else "comments in a quiet stream"
            return f"{self.seconds:9.3f} s  {'':16}  {self.upkeep} {kind}"
        return f"{self.seconds:9.3f} s  {self.side.value}  {self.what}"


class Transcript:
    """The last entries of one connection, and whether they were progress.

    `str` gives them as lines, the newest last, with the seconds since the connection was opened. It follows what
    the bytes are: a head from each side first, then either requests or, after a 101, frames.
    """

    def __init__(self) -> None:
        self._opened_at = trio.current_time()
        self._entries: deque[_Entry] = deque(maxlen=ENTRIES)
        self._left_out = 0
        self._content = _Content.UNKNOWN
        self._heads = {Side.CLIENT: b"", Side.SERVER: b""}
        self._sniffers = {Side.CLIENT: FrameSniffer(), Side.SERVER: FrameSniffer()}

    def __str__(self) -> str:
        lines = [f"    ... {self._left_out} earlier"] if self._left_out else []
        lines += [f"    {entry}" for entry in self._entries]
        for side, sniffer in self._sniffers.items():
            if (frame := sniffer.unfinished()) is not None:
                lines.append(f"    {'':11}  {side.value}  {frame}, of which only a part was sent")
        return "\n".join(lines) or "    nothing"

    def passed(self, side: Side, data: bytes) -> None:
        """Record a piece of what one side sends."""
        if self._content is _Content.FRAMES:
            self._frames_passed(side, data)
        elif data == QUIET_COMMENT:
            self._record_upkeep(side, "a comment in a quiet stream")
        else:
            Progress.count += 1
            if self._content is _Content.REQUESTS:
                self._record(side, _piece(data))
            else:
                self._look_for_switch(side, data)

    def ended(self, side: Side) -> None:
        """Record that one side sends no more."""
        Progress.count += 1
        self._record(side, "end of the stream")

    def _frames_passed(self, side: Side, data: bytes) -> None:
        for frame in self._sniffers[side].feed(data):
            if frame.is_upkeep:
                self._record_upkeep(side, frame)
            else:
                Progress.count += 1
                self._record(side, frame)
        # A long message is progress with each of its pieces, long before it is complete.
        unfinished = self._sniffers[side].unfinished()
        if unfinished is not None and not unfinished.is_upkeep:
            Progress.count += 1

    def _look_for_switch(self, side: Side, data: bytes) -> None:
        """Follow the first head of each side, after which the bytes are frames or are not.

        A stream with faults may cut a head anywhere, so the two are collected until they are complete.
        """
        self._heads[side] += data
        head, found, rest = self._heads[side].partition(HEAD_END)
        if not found:
            if len(head) > HEAD_BYTES:
                self._content = _Content.REQUESTS
            return
        if side is Side.CLIENT:
            if self._content is _Content.UNKNOWN:
                self._record(side, _piece(head))
                is_handshake = b"upgrade: websocket" in head.lower()
                self._content = _Content.HANDSHAKE if is_handshake else _Content.REQUESTS
                self._heads[side] = HEAD_END + rest  # frames that come before the server's answer
            return
        self._record(side, _piece(head))
        is_accepted = self._content is _Content.HANDSHAKE and b" 101" in head[:13]
        self._content = _Content.FRAMES if is_accepted else _Content.REQUESTS
        early = self._heads[Side.CLIENT].partition(HEAD_END)[2]
        self._heads.clear()
        if is_accepted:
            self._frames_passed(Side.CLIENT, early)
            self._frames_passed(Side.SERVER, rest)

    def _record_upkeep(self, side: Side, what: SniffedFrame | str) -> None:
        """Record a ping, pong or comment. Many in a row share an entry, and leave room for what matters."""
        last = self._entries[-1] if self._entries else None
        if last is not None and last.upkeep:
            last.upkeep += 1
            last.seconds = trio.current_time() - self._opened_at
        else:
            self._record(side, what, upkeep=1)

    def _record(self, side: Side, what: object, *, upkeep: int = 0) -> None:
        if len(self._entries) == ENTRIES:
            self._left_out += 1
        self._entries.append(_Entry(trio.current_time() - self._opened_at, side, what, upkeep=upkeep))


def _piece(data: bytes) -> str:
    """Describe a piece of HTTP: the first line of a head, or the beginning of anything else."""
    first_line, *_ = data.split(b"\r\n", 1)
    if first_line.startswith(b"HTTP/1.") or first_line.endswith((b" HTTP/1.1", b" HTTP/1.0")):
        return f"{first_line.decode('latin-1')}  ({len(data)} bytes)"
    return f"{len(data)} bytes  {shortened_repr(data)}"
