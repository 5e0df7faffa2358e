"""The engine that all client connections of a Trio run share.

A server has a place for its engine: the nursery that `serve` holds open. A client has none. `connect` could
open a nursery around the user's block, but then every exception of the block would come out in a group, and
each connection would have tasks, a poller and a clock of its own. So the engine runs in a system task of
Trio: the first connection starts it, all others use it, and the last one ends it.

    hold()                the first one starts the system task; each counts as a holder
    release()             by a failed attempt, or when a connection is closed completely
    the last release      ends the task at once, without waiting for it; the next `hold` starts another

A system task has two dangers. An exception that leaves it ends the whole run, with a `TrioInternalError`. So
each failure is caught here, and costs the connections of this engine but nothing else. And Trio cancels it
when the main task has ended, while connections may still be open: the program has forgotten them, or an
async generator holds them. So the engine's tasks run under a shield. When the cancellation comes, every
connection is closed with 1001, and the shield gets a deadline.
"""

from __future__ import annotations

import logging

import attrs
import trio

from trioweb._client.client_closing import ClientClosing
from trioweb._transport.engine import Engine, open_engine
from trioweb.closing import Close, CloseCode

logger = logging.getLogger("trioweb")

LAST_SECONDS = 1.0
"""How long connections that are still open at the end of the run may take to close."""

ENDED = "this Trio run is ending: it opens no more connections"

RUN_HAS_ENDED = Close(CloseCode.GOING_AWAY)


class SharedEngine:
    """An engine in a system task, which counts its users."""

    __slots__ = (
        "_connections",
        "_engine",
        "_failure",
        "_holders",
        "_scope",
        "_shield",
        "_started",
        "_unused",
    )

    def __init__(self) -> None:
        self._connections: set[ClientClosing] = set()
        self._holders = 0
        self._engine: Engine | None = None
        self._failure: Exception | None = None
        self._started = trio.Event()
        self._scope = trio.CancelScope()
        self._shield = trio.CancelScope(shield=True)
        self._unused = trio.Event()
        trio.lowlevel.spawn_system_task(self._run, name="trioweb client engine")

    async def hold(self) -> Engine:
        """Wait until the engine runs, and return it; `release` gives it back.

        Raises:
            OSError: It could not be opened: there are too many open files.
        """
        self._holders += 1
        try:
            await self._started.wait()
        except BaseException:
            self.release()
            raise
        if self._engine is None:
            self.release()
            raise self._failure or RuntimeError(ENDED)
        return self._engine

    def release(self) -> None:
        """Give back one hold. The last one ends the engine."""
        self._holders -= 1
        if not self._holders:
            self._retire()
            self._unused.set()
            self._scope.cancel()

    def adopt(self, closing: ClientClosing) -> None:
        """Let an open connection hold the engine, in place of its opener, until it is closed."""
        if self._engine is None:
            raise RuntimeError(ENDED)
        self._connections.add(closing)
        closing.on_closed = self._forget

    def _forget(self, closing: ClientClosing) -> None:
        """Release the hold of a connection that is closed completely."""
        self._connections.discard(closing)
        self.release()

    def _retire(self) -> None:
        """Let the next `hold` start another engine; this one may still be closing connections."""
        if _engine_of_run.get(None) is self:
            _engine_of_run.set(None)

    async def _run(self) -> None:
        """Wait for the end, beside the tasks of the engine: a cancellation reaches only this task, not them."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._serve, name="trioweb client tasks")
            # Ends by the last release, by a failure of `_serve`, or because Trio ends the run: always the same way.
            with self._scope:
                try:
                    await trio.sleep_forever()
                finally:
                    self._retire()
                    self._close_all()

    def _close_all(self) -> None:
        """Close what is still open, and let the engine's tasks run on only for as long as that takes."""
        for closing in list(self._connections):
            closing.begin(RUN_HAS_ENDED)
        self._shield.deadline = trio.current_time() + LAST_SECONDS
        if not self._connections:
            self._unused.set()

    @trio.lowlevel.enable_ki_protection
    async def _serve(self) -> None:
        """Run the engine until nothing uses it, and let no exception out: it would end the whole run."""
        try:
            with self._shield:
                # The streams have a nursery of their own, so that those that are still closing are waited for.
                async with open_engine() as engine, trio.open_nursery() as streams:
                    self._engine = attrs.evolve(engine, nursery=streams)
                    self._started.set()
                    try:
                        await self._unused.wait()
                    finally:
                        # In here, while the pump can still forget their sockets.
                        self._cut_all()
        except Exception as error:
            self._failure = error
            if self._started.is_set():
                logger.exception("internal error: all client connections of this Trio run are cut")
        finally:
            # Also for the tasks that wait for an engine which could not be opened: they find that there is none.
            self._engine = None
            self._started.set()
            self._retire()
            self._scope.cancel()

    def _cut_all(self) -> None:
        """Leave nothing that waits for tasks which are about to end."""
        for closing in list(self._connections):
            closing.cut("the tasks that serve it have ended")


_engine_of_run: trio.lowlevel.RunVar[SharedEngine | None] = trio.lowlevel.RunVar(
    "trioweb client engine", None
)


def shared_engine() -> SharedEngine:
    """Return the engine of this Trio run, or start one."""
    shared = _engine_of_run.get()
    if shared is None:
        shared = SharedEngine()
        _engine_of_run.set(shared)
    return shared
