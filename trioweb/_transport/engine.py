"""What all connections of one server share: pump, flusher, timers and a nursery."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio

from trioweb._transport.flusher import Flusher
from trioweb._transport.poller import open_poller
from trioweb._transport.pump import Pump
from trioweb._transport.timers import Timers


@attrs.frozen(kw_only=True)
class Engine:
    """The tasks that serve every connection, so that an idle one needs a single task.

    Attributes:
        nursery: For the reader and writer tasks of streams that are not plain sockets.
        timers: Everybody's deadlines.
        flusher: Writes put off to the end of a scheduler pass.
        pump: Reads and writes plain sockets; `None` where there is neither epoll nor kqueue.
    """

    nursery: trio.Nursery
    timers: Timers
    flusher: Flusher
    pump: Pump | None


@asynccontextmanager
async def open_engine() -> AsyncIterator[Engine]:
    """Run the shared tasks for as long as the block; they end with it."""
    flusher = Flusher()
    poller = open_poller()
    pump = None if poller is None else Pump(poller, flusher)
    try:
        async with trio.open_nursery() as nursery:
            timers = Timers(None if pump is None else pump.catch_up)
            engine = Engine(nursery=nursery, timers=timers, flusher=flusher, pump=pump)
            nursery.start_soon(engine.timers.run, name="trioweb timers")
            nursery.start_soon(engine.flusher.run, name="trioweb flusher")
            if pump is not None:
                nursery.start_soon(pump.run, name="trioweb pump")
            yield engine
            nursery.cancel_scope.cancel()
    finally:
        if pump is not None:
            pump.close()
