"""Many WebSocket clients in one thread, each a round trip away, that answer pings and never speak first.

python -m support.load.crowd PORT CLIENTS ROUND_TRIP_SECONDS

Prints `there` after all handshakes. At SIGUSR1 it prints how many are still served, once each has been answered or
has found its connection closed.
"""

from __future__ import annotations

import signal
import sys
from functools import partial

import trio

from trioweb.testing import PING, PONG, TEXT, RawPeer, frame


class Client:
    def __init__(self, peer: RawPeer, seconds: float) -> None:
        self._peer = peer
        self._seconds = seconds
        self._sending = trio.Lock()
        self.is_served = trio.Event()
        self.has_ended = trio.Event()

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            try:
                while True:
                    got = await self._peer.receive_frame()
                    if got.opcode == PING:
                        nursery.start_soon(self._say, frame(PONG, got.payload))
                    elif got.opcode == TEXT:
                        self.is_served.set()
            except (AssertionError, trio.BrokenResourceError):
                self.has_ended.set()

    async def ask(self) -> None:
        await self._say(frame(TEXT, b"still there?"))
        async with trio.open_nursery() as nursery:
            for event in (self.is_served, self.has_ended):
                nursery.start_soon(self._first, event, nursery.cancel_scope)

    async def _say(self, data: bytes) -> None:
        await trio.sleep(self._seconds)
        try:
            async with self._sending:
                await self._peer.send(data)
        except trio.BrokenResourceError:
            self.has_ended.set()

    @staticmethod
    async def _first(event: trio.Event, scope: trio.CancelScope) -> None:
        await event.wait()
        scope.cancel()


async def main(port: int, count: int, seconds: float) -> None:
    clients: list[Client] = []
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            peer = RawPeer(await trio.open_tcp_stream("127.0.0.1", port))
            await peer.open("/echo")
            client = Client(peer, seconds)
            clients.append(client)
            nursery.start_soon(client.run)
        with trio.open_signal_receiver(signal.SIGUSR1) as signals:
            print("there", flush=True)  # noqa: T201 - what the test waits for
            await anext(signals)
        async with trio.open_nursery() as asking:
            for client in clients:
                asking.start_soon(client.ask)
        print(sum(client.is_served.is_set() for client in clients), "served", flush=True)  # noqa: T201
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(partial(main, int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
