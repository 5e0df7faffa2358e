"""One task that reads and writes for every plain socket of a server."""

from __future__ import annotations

from typing import Protocol

import trio

from trioweb._transport.flusher import Flusher
from trioweb._transport.poller import READABLE, WRITABLE, Poller

EVENTS_PER_TURN = 256
"""Sockets served before the scheduler gets its turn; the poller hands the others out next time."""


class Pollable(Protocol):
    """What the pump drives: a transport over a non-blocking socket."""

    def on_readable(self, now: float) -> None:
        """Read once, a bounded number of bytes."""

    def on_writable(self) -> None:
        """Write what waits, as far as the kernel takes it."""


class Pump:
    """Waits on one descriptor for all sockets, so that none needs a task of its own.

    Trio wakes a task through its own epoll or kqueue; for thousands of sockets that is
    thousands of wake-ups and re-registrations a second. Here Trio waits for the single
    descriptor of a second one, and each ready socket costs a `recv` and a callback.
    Fairness: one bounded read per ready socket and turn, then the scheduler runs.
    """

    def __init__(self, poller: Poller, flusher: Flusher) -> None:
        self.flusher = flusher
        self._poller = poller
        self._sockets: dict[int, Pollable] = {}

    def register(self, descriptor: int, transport: Pollable, *, reading: bool, writing: bool) -> None:
        """Watch a socket, or change what it is watched for; neither means not at all."""
        mask = (READABLE if reading else 0) | (WRITABLE if writing else 0)
        known = descriptor in self._sockets
        if not mask:
            if known:
                self.forget(descriptor)
        elif known:
            self._poller.modify(descriptor, mask)
        else:
            self._poller.register(descriptor, mask)
            self._sockets[descriptor] = transport

    def forget(self, descriptor: int) -> None:
        """Stop watching a socket; must come before it is closed."""
        if self._sockets.pop(descriptor, None) is not None:
            self._poller.unregister(descriptor)

    def close(self) -> None:
        """Give the descriptor back."""
        self._poller.close()

    async def run(self) -> None:
        """Serve ready sockets, for ever."""
        descriptor = self._poller.fileno()
        while True:
            await trio.lowlevel.wait_readable(descriptor)
            self._serve()

    async def catch_up(self) -> None:
        """Serve every socket that is ready now; one that stays ready is not waited for."""
        for _ in range(len(self._sockets) // EVENTS_PER_TURN + 1):
            await trio.lowlevel.checkpoint()
            if self._serve() < EVENTS_PER_TURN:
                break

    def _serve(self) -> int:
        """Take one turn, and return how many sockets were ready."""
        sockets = self._sockets
        but_writable = ~WRITABLE
        now = trio.current_time()
        self.flusher.pass_number += 1
        served = self._poller.poll(0, EVENTS_PER_TURN)
        for ready, events in served:
            transport = sockets.get(ready)
            if transport is None:  # closed by one that was served before it in this turn
                continue
            if events & WRITABLE:
                transport.on_writable()
            if events & but_writable and ready in sockets:
                transport.on_readable(now)
        return len(served)
