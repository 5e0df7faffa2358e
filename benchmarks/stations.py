"""What each step of a message costs, in microseconds: `python benchmarks/stations.py`.

The table in docs/concepts/performance.md was made by it. Everything runs in one process; each
figure is the best of several repetitions, which is the least disturbed one.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

import trio

from trioweb import Limits, Timeouts
from trioweb._transport.engine import open_engine
from trioweb._transport.transport import Output
from trioweb._websocket.connection import WebSocketConnection
from trioweb._websocket.parts import put_together
from trioweb._wire.fastlane import decode_plain
from trioweb._wire.websocket import WebSocketWire

REPETITIONS = 9
MESSAGE = bytes(32)
FRAME = b"\x82\xa0\1\2\3\4" + MESSAGE
MANY = 1000


class Nowhere:
    """A transport that takes everything at once, so that no system call is measured."""

    is_plain = True

    def start(self, receiver: object, output: Output) -> None:  # noqa: ARG002 - of the protocol
        self.output = output

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def try_send(self, data: bytes) -> int:
        return len(data)

    def flush(self) -> None:
        while buffers := self.output.gather():
            self.output.advance(sum(map(len, buffers)))


def report(station: str, seconds: float, units: int) -> None:
    print(f"{station:58} {seconds / units * 1e6:8.2f}")


def timed(station: str, work: Callable[[], object], units: int = 1) -> None:
    """Measure work that does not need the scheduler."""
    best = float("inf")
    for _ in range(REPETITIONS):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    report(station, best, units)


async def timed_async(station: str, work: Callable[[], Awaitable[object]], units: int = 1) -> None:
    """Measure what does."""
    best = float("inf")
    for _ in range(REPETITIONS):
        started = time.perf_counter()
        await work()
        best = min(best, time.perf_counter() - started)
    report(station, best, units)


async def measure_trio() -> None:
    async def checkpoints() -> None:
        for _ in range(MANY):
            await trio.lowlevel.checkpoint()

    async def looks() -> None:
        for _ in range(MANY):
            await trio.lowlevel.checkpoint_if_cancelled()

    async def nothing() -> None: ...

    async def tasks() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(MANY):
                nursery.start_soon(nothing)

    async def nurseries() -> None:
        for _ in range(MANY):
            async with trio.open_nursery():
                pass

    async def deadlines() -> None:
        for _ in range(MANY):
            with trio.move_on_after(60):  # noqa: ASYNC100 - what it costs by itself
                pass

    await timed_async("Trio: a checkpoint, the least that waiting costs", checkpoints, MANY)
    await timed_async("Trio: check whether the task is cancelled", looks, MANY)
    await timed_async("Trio: a task that does nothing", tasks, MANY)
    await timed_async("Trio: a nursery", nurseries, MANY)
    await timed_async("Trio: a deadline", deadlines, MANY)


def measure_system() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    one = socket.create_connection(listener.getsockname())
    other, _ = listener.accept()
    poller = select.epoll()
    poller.register(other.fileno(), select.EPOLLIN)

    def there() -> None:
        for _ in range(MANY):
            one.send(FRAME)
            other.recv(65536)

    timed("kernel: send 38 B and receive them", there, MANY)
    timed("kernel: poll an epoll that has nothing", lambda: [poller.poll(0) for _ in range(MANY)], MANY)
    for thing in (one, other, listener, poller):
        thing.close()


async def measure_connection() -> None:
    limits = Limits(inbox_messages=10 * MANY, outbox_messages=10 * MANY, outbox_bytes=2**30)
    async with open_engine() as engine:
        parts = put_together(cast("Any", Nowhere()), engine, limits=limits, timeouts=Timeouts())
        connection = WebSocketConnection(parts)
        wire = WebSocketWire(message_bytes=2**20, message_fragments=16)
        parts.open(wire, b"101", b"")
        encode, data_received = wire.encode, parts.intake.data_received
        timed(
            "decode a frame, one in a read",
            lambda: [decode_plain(FRAME, 0, [], 1, 100) for _ in range(MANY)],
            MANY,
        )
        timed("decode a frame, sixteen in a read", lambda: decode_plain(FRAME * 16, 0, [], 16, 100), 16)
        timed("encode a message", lambda: [encode(MESSAGE) for _ in range(MANY)], MANY)

        def bring() -> None:
            for _ in range(MANY):
                data_received(FRAME, 0.0)

        async def receive() -> None:
            for _ in range(MANY):
                await connection.receive()

        async def bring_and_receive() -> None:
            bring()
            await receive()

        async def send_first() -> None:
            for _ in range(MANY):
                engine.flusher.pass_number += 1
                await connection.send(MESSAGE)

        async def send_many() -> None:
            for _ in range(MANY):
                await connection.send(MESSAGE)

        await timed_async("from a read to a handler that need not wait", bring_and_receive, MANY)
        await timed_async("send, the first in a pass", send_first, MANY)
        await timed_async("send, one of many in a pass", send_many, MANY)

        async def echo() -> None:
            async for message in connection:
                await connection.send(message)

        async def round_trips(depth: int) -> None:
            for _ in range(MANY // depth):
                engine.flusher.pass_number += 1
                data_received(FRAME * depth, 0.0)
                while parts.inbox.items:
                    await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(echo)
            await trio.lowlevel.checkpoint()
            await timed_async(
                "everything, with a task's wake-up, one in flight", lambda: round_trips(1), MANY
            )
            await timed_async(
                "everything, with a task's wake-up, sixteen in flight", lambda: round_trips(16), MANY
            )
            nursery.cancel_scope.cancel()


async def main() -> None:
    print(f"{'step':58} {'us each':>8}")
    await measure_trio()
    measure_system()
    await measure_connection()


if __name__ == "__main__":
    trio.run(main)
