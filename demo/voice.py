"""Voice: sound from a microphone comes back to the speaker, and goes to everybody who tunes in.

Try it with `python demo/voice.py --port 8000`, and put on headphones.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field

import trio

from trioweb import App, CloseWebSocket, Limits, Overflow, Room, WebSocket

from parts.alive import say_alive
from parts.names import fault_of
from parts.page import add_page, serve_alone

MOST_TALKERS = 16
MOST_SILENT_SECONDS = 30

# Speech takes 4 kB a second. No chunk needs 16 KiB, and nobody wants to hear more of the past than
# fits into 64 KiB: a small outbox keeps a slow listener near the present.
LIMITS = Limits(message_bytes=16 * 1024, inbox_bytes=64 * 1024, outbox_bytes=64 * 1024)

app = App()
add_page(app, "voice")


# The page sends WebM in binary messages: first the header, which a player needs before anything
# else, then clusters of a tenth of a second. Each cluster can be played without the one before, so a
# listener may start anywhere, and a lost cluster is only a gap. The server does not parse them.
@dataclass(eq=False)
class Talker:
    name: str
    header: bytes
    room: Room = field(init=False)
    has_ended: trio.Event = field(default_factory=trio.Event)

    def __post_init__(self) -> None:
        self.room = Room(self.name, overflow=Overflow.DROP_OLDEST)


talkers: dict[str, Talker] = {}
watchers = app.room("watchers", overflow=Overflow.LATEST)


@app.websocket("/talk", limits=LIMITS)
async def talk(ws: WebSocket) -> None:
    wanted = ws.request.query.get("name", "Somebody")
    if fault := fault_of(wanted):
        raise CloseWebSocket(4400, fault)
    header = await sound(ws)
    if len(talkers) == MOST_TALKERS:
        raise CloseWebSocket(1013, f"{MOST_TALKERS} people are talking already")
    talker = Talker(unused(wanted), header)
    talkers[talker.name] = talker
    pace = Pace()
    try:
        await ws.send_json({"type": "talking", "name": talker.name})
        await ws.send(header)
        # The talker is a member of their own room: that is the echo. Publishing waits for nobody. A
        # member with a slow connection, even the talker, loses the oldest chunks.
        async with talker.room.join(ws, missed_notice=missed):
            await announce()
            ws.nursery.start_soon(report, ws, talker)
            while True:
                chunk = await sound(ws)
                await pace.wait(len(chunk))
                await talker.room.publish(chunk)
    finally:
        del talkers[talker.name]
        talker.has_ended.set()
        await announce()


@app.websocket("/listen", limits=LIMITS)
async def listen(ws: WebSocket) -> None:
    talker = talkers.get(ws.request.query.get("name", ""))
    if talker is None:
        raise CloseWebSocket(4404, "nobody with this name is talking")
    await ws.send(talker.header)
    try:
        async with talker.room.join(ws, missed_notice=missed):
            await announce()
            ws.nursery.start_soon(report, ws, talker)
            ws.nursery.start_soon(hang_up, ws, talker)
            async for _ in ws:  # no message is expected: the loop ends when either side hangs up
                pass
    finally:
        await announce()


async def hang_up(ws: WebSocket, talker: Talker) -> None:
    await talker.has_ended.wait()
    await ws.aclose(1000, "the talk has ended")


# The list of talkers, for everybody. Only the newest is worth sending.
@app.websocket("/watch", limits=Limits(message_bytes=1024))
async def watch(ws: WebSocket) -> None:
    ws.nursery.start_soon(say_alive, ws)
    async with watchers.join(ws):
        await ws.send(on_the_air())
        async for _ in ws:
            pass


async def announce() -> None:
    await watchers.publish(on_the_air())


def on_the_air() -> str:
    people = [{"name": one.name, "listeners": max(0, len(one.room) - 1)} for one in talkers.values()]
    return json.dumps({"type": "talkers", "talkers": people})


async def report(ws: WebSocket, talker: Talker) -> None:
    """Report once a second what waits for this connection in the server, and what it has missed."""
    while True:
        outbox = ws.outbox.statistics()
        dropped = talker.room.statistics().drops
        await ws.send_json(
            {"type": "outbox", "bytes": outbox.bytes, "missed": outbox.drops, "missed_by_all": dropped}
        )
        await trio.sleep(1)


def missed(count: int) -> str:
    return json.dumps({"type": "missed", "count": count})


async def sound(ws: WebSocket) -> bytes:
    """Receive a binary message; a talker that sends nothing for too long loses the place on the air."""
    with trio.move_on_after(MOST_SILENT_SECONDS):
        return await ws.receive_bytes()
    raise CloseWebSocket(4408, f"nothing came for {MOST_SILENT_SECONDS} seconds")


class Pace:
    """Limits the bytes in a second: reading waits, and so the sender has to."""

    BYTES_PER_SECOND = 32 * 1024
    BURST_SECONDS = 4  # as much as a connection may catch up on after a pause
    LEAST_BYTES = 256  # the least that a message costs, however short

    def __init__(self) -> None:
        self.due = -math.inf

    async def wait(self, size_bytes: int) -> None:
        cost_seconds = max(size_bytes, self.LEAST_BYTES) / self.BYTES_PER_SECOND
        self.due = max(self.due, trio.current_time() - self.BURST_SECONDS) + cost_seconds
        await trio.sleep_until(self.due)


def unused(wanted: str) -> str:
    name, number = " ".join(wanted.split()), 1
    while (unique := name if number == 1 else f"{name} {number}") in talkers:
        number += 1
    return unique


if __name__ == "__main__":
    serve_alone(app)
