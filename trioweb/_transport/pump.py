"""One task that reads and writes for every plain socket of a server.

Why not a task for each socket, as Trio programs usually have? Trio's own poller reports a descriptor
once and has to be armed again for each wait; then the scheduler resumes the task, which reads once and
waits again. On thousands of busy sockets that is a second system call, a reschedule and a walk through
several coroutine frames for every read, and an idle socket still pays for the frames of its task.

The pump turns this around. It has a poller of its own, in which each socket is registered once, for as
long as it is open. A poller is itself a descriptor that is readable when one of its sockets is ready, so
Trio has a single thing to wait for. A ready socket then costs a `recv` and a plain function call.

What this asks of the transports in return:

- A callback must not wait and must not raise. It does a bounded amount of work: the other sockets, and
  every handler of the program, wait until it returns.
- The poller is level-triggered: a socket that is still ready is reported again in the next turn. So one
  read per turn loses nothing, and no transport has to read until the kernel says that there is no more.
- For the same reason a socket that nobody wants to read has to leave the poller. It would be reported
  in every turn, and the pump would spin.

A program with a single socket, as most clients are, gains nothing from the second poller. So as long as
there is only one, and nothing waits to be written to it, Trio waits for the socket itself. That saves a
system call for each piece of input, and the kernel one poller inside another: a fifth of what an echoed
message costs a client. Any change of the set of sockets ends that wait. The pump may also lend that socket
to the task that receives from it: see `stand_in.py`.
"""

from __future__ import annotations

from typing import Protocol

import trio

from trioweb._transport.flusher import Flusher
from trioweb._transport.poller import READABLE, WRITABLE, Poller
from trioweb._transport.stand_in import StandIn

EVENTS_PER_TURN = 256
"""Sockets served before the scheduler gets its turn; the poller reports the others in the next one.

epoll puts what it has reported at the end of its list, so with more ready sockets than this all of them
are served in rotation."""


class Pollable(Protocol):
    """What the pump drives: a transport over a non-blocking socket."""

    def on_readable(self, now: float) -> None:
        """Read once, a bounded number of bytes."""

    def on_writable(self) -> None:
        """Write what waits, as far as the kernel takes it."""


class Pump:
    """Waits on one descriptor for all sockets, so that none needs a task of its own.

    Fairness: one bounded read per ready socket and turn, then the scheduler runs.

    Attributes:
        flusher: Learns when a turn has begun.
        stand_in: The loan of the only socket to the task that receives from it.
    """

    def __init__(self, poller: Poller, flusher: Flusher) -> None:
        self.flusher = flusher
        self.stand_in = StandIn(self)
        self._poller = poller
        self._sockets: dict[int, Pollable] = {}
        self._writing: set[int] = set()
        # A list, so that two waits for the same socket can be told apart.
        self._wait: list[int] | None = None

    def register(self, descriptor: int, transport: Pollable, *, reading: bool, writing: bool) -> None:
        """Watch a socket, or change what it is watched for.

        A socket that is watched for neither leaves the poller. An empty mask would not do
        instead: epoll reports errors and hang-ups whatever the mask.
        """
        mask = (READABLE if reading else 0) | (WRITABLE if writing else 0)
        known = descriptor in self._sockets
        if not mask:
            if known:
                self.forget(descriptor)
            return
        if known:
            self._poller.modify(descriptor, mask)
        else:
            self._poller.register(descriptor, mask)
            self._sockets[descriptor] = transport
        if writing:
            self._writing.add(descriptor)
        else:
            self._writing.discard(descriptor)
        self._look_again()

    @property
    def is_idle(self) -> bool:
        """Whether it watches no socket, so that nothing from outside can wake it."""
        return not self._sockets

    def forget(self, descriptor: int) -> None:
        """Stop watching a socket.

        This must come before the socket is closed. Afterwards its number is gone, and the next
        connection may get the same one.
        """
        if self._sockets.pop(descriptor, None) is not None:
            self._poller.unregister(descriptor)
            self._writing.discard(descriptor)
            self._look_again()

    def _look_again(self) -> None:
        """End the wait for a single socket: it may not be the only one any more, or not only be read."""
        self.interrupt()
        self.stand_in.end()

    def interrupt(self) -> None:
        """End the wait for the only socket, whichever task waits."""
        wait, self._wait = self._wait, None
        if wait is not None:
            trio.lowlevel.notify_closing(wait[0])

    def close(self) -> None:
        """Give the descriptor back."""
        self.stand_in.end()
        self._poller.close()

    def only_descriptor_of(self, transport: Pollable) -> int | None:
        """Return the descriptor of a transport that is the only one, and has nothing to write."""
        sockets = self._sockets
        if len(sockets) == 1 and not self._writing:
            for descriptor, only in sockets.items():
                if only is transport:
                    return descriptor
        return None

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """Serve ready sockets, for ever."""
        descriptor, sockets = self._poller.fileno(), self._sockets
        while True:
            if self.stand_in.is_lent:
                await self.stand_in.rest()
            elif len(sockets) != 1 or self._writing:
                await trio.lowlevel.wait_readable(descriptor)
                self._serve()
            else:
                (only,) = sockets
                if await self.wait_for(only):
                    self.serve_only(only)
                    # The loan may have begun in this round, after Trio had woken this task. Then the task that
                    # receives waits for the input that has just been read.
                    self.stand_in.recall()

    async def wait_for(self, descriptor: int) -> bool:
        """Wait for the only socket; `False` if the wait was interrupted."""
        wait = self._wait = [descriptor]
        try:
            await trio.lowlevel.wait_readable(descriptor)
        except trio.ClosedResourceError:  # by `interrupt`
            return False
        finally:
            if self._wait is wait:
                self._wait = None
        return True

    def serve_only(self, descriptor: int) -> None:
        """Read the only socket, unless it has left."""
        # A method of its own, so that the waiting task holds no connection that ends meanwhile.
        self.flusher.pass_number += 1
        if descriptor in self._sockets:
            self._sockets[descriptor].on_readable(trio.current_time())

    async def catch_up(self) -> None:
        """Serve every socket that is ready now.

        The number of turns is bounded by the number of sockets, since a peer that never stops
        sending keeps its socket ready for ever.
        """
        for _ in range(len(self._sockets) // EVENTS_PER_TURN + 1):
            await trio.lowlevel.checkpoint()
            if self._serve() < EVENTS_PER_TURN:
                break

    def _serve(self) -> int:
        """Take one turn, and return how many sockets were ready."""
        sockets = self._sockets
        but_writable = ~WRITABLE
        now = trio.current_time()  # once for all of them: the clock would cost more than the callback
        self.flusher.pass_number += 1
        served = self._poller.poll(0, EVENTS_PER_TURN)
        for ready, events in served:
            transport = sockets.get(ready)
            if transport is None:  # closed by a callback of this same turn
                continue
            # Writing comes first: it makes room before the input causes more output.
            if events & WRITABLE:
                transport.on_writable()
            # Any other bit, an error or a hang-up, shows in the next read.
            if events & but_writable and ready in sockets:
                transport.on_readable(now)
        self.stand_in.recall()  # in `catch_up`, its input may just have been read
        return len(served)
