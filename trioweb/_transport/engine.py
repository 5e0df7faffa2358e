"""What all connections of one server share: pump, flusher, timers and a nursery.

An idle connection should cost memory and nothing else. It needs no task for its socket, none for its
deadlines and none for writing: three tasks of the server do that for all connections. Only the
connection's own session remains, the task in which its handler runs.

All client connections of a Trio run share an engine in the same way (`_client/shared_engine.py`).

Each server has an engine of its own. One for the whole process would have to outlive the server that
opened it, and two servers could then not be shut down independently.
"""

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
    """The tasks that serve every connection of a server.

    Attributes:
        nursery: For the reader and writer tasks of streams that are not plain sockets.
        timers: The deadlines of all peers.
        flusher: Writes that were put off to the next pass of the scheduler, and turns.
        pump: Reads and writes plain sockets; `None` where there is neither epoll nor kqueue.
    """

    nursery: trio.Nursery
    timers: Timers
    flusher: Flusher
    pump: Pump | None


_open: trio.lowlevel.RunVar[tuple[Engine, ...]] = trio.lowlevel.RunVar("trioweb engines", ())


def engines_of_this_run() -> tuple[Engine, ...]:
    """Return the engines that are open in this run of Trio: one for each server, and one for all clients."""
    return _open.get()


@asynccontextmanager
async def open_engine() -> AsyncIterator[Engine]:
    """Run the shared tasks for as long as the block; they end with it."""
    flusher = Flusher()
    poller = open_poller()
    pump = None if poller is None else Pump(poller, flusher)
    try:
        async with trio.open_nursery() as nursery:
            # Before a peer is judged, the pump reads what it has sent in the meantime.
            timers = Timers(None if pump is None else pump.catch_up)
            engine = Engine(nursery=nursery, timers=timers, flusher=flusher, pump=pump)
            nursery.start_soon(engine.timers.run, name="trioweb timers")
            nursery.start_soon(engine.flusher.run, name="trioweb flusher")
            if pump is not None:
                nursery.start_soon(pump.run, name="trioweb pump")
            _open.set((*_open.get(), engine))
            try:
                yield engine
            finally:
                _open.set(tuple(one for one in _open.get() if one is not engine))
            # By now every session has ended: what is cut off are the shared tasks, which run for ever,
            # and whatever a stream still does at its end.
            nursery.cancel_scope.cancel()
    finally:
        # Only now: while the pump's task runs, Trio watches this descriptor.
        if pump is not None:
            pump.close()
