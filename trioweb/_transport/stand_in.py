"""A task that waits for its socket by itself, in the pump's place.

Usually two tasks take part in each message: the pump, which Trio wakes, and the one that receives, which the
pump wakes. A server with many sockets loses nothing by that, since the pump serves all that are ready at once.
A client usually has a single socket and a task that does nothing but receive from it, send, and receive
again. Then the second round of the scheduler costs about as much as the decoding and encoding of the message.

So the pump may *lend* its only socket to the task that receives. That task waits for the socket, reads it as
the pump would, and finds the message in its inbox, all in one step. The pump rests.

Some task must always wait for the socket. Pings have to be answered and a close noticed whatever the program
does, and a task that has received a message may do anything next. It is *away* until it receives again. The
loan therefore ends when Trio is about to sleep while the task is away, or after a few rounds in which Trio
does not sleep. An `Instrument` sees that moment: `before_io_wait` is called once in each round, just before
Trio looks for input. In the usual case the task is back by then, and being away has cost nothing.

Ending a loan costs more than it has saved. So a task has to earn one by several receives in a row, and by many
more after a loan that ended like this. Any change to the pump's sockets ends the loan, too.
"""

from __future__ import annotations

from typing import Protocol

import trio

TRUSTED_AFTER = 8
"""How many receives in a row come before a loan."""

DISTRUST = 64
"""How many more come before the next, once a task has stayed away."""

ROUNDS_AWAY = 8
"""How many rounds without sleep a task may be away."""


class Lender(Protocol):
    """The owner of the only socket: a `Pump`."""

    def interrupt(self) -> None:
        """End the wait for the only socket, whichever task waits."""

    async def wait_for(self, descriptor: int) -> bool:
        """Wait for the only socket; `False` if the wait was interrupted."""
        ...

    def serve_only(self, descriptor: int) -> None:
        """Read the only socket."""


class StandIn(trio.abc.Instrument):
    """The loan of a pump's only socket. It is an instrument of Trio only while there is a loan.

    Attributes:
        is_lent: Whether the pump rests.
        is_waiting: Whether the task waits for the socket. If not, it is away.
    """

    __slots__ = ("_lender", "_resting", "_rounds_away", "_token", "_trust", "is_lent", "is_waiting")

    def __init__(self, lender: Lender) -> None:
        self._lender = lender
        self._resting: trio.lowlevel.Task | None = None
        self._rounds_away = 0
        self._token: trio.lowlevel.TrioToken | None = None
        self._trust = 0
        self.is_lent = False
        self.is_waiting = False

    # For the task that receives.

    def is_due(self) -> bool:
        """Count a receive from the pump's only socket, and return whether its task may wait by itself."""
        if self.is_waiting:  # another connection's task, before its socket left the pump
            return False
        self._trust += 1
        return self._trust > TRUSTED_AFTER

    @trio.lowlevel.enable_ki_protection  # it does what the pump does, which nothing may interrupt in the middle
    async def wait(self, descriptor: int) -> None:
        """Wait for input, and read it.

        It may return without any: the caller checks what it waits for, and asks `is_due` again.

        Cancellation: Safe; nothing has been read then.
        """
        if not self.is_lent:
            self._begin()
        self.is_waiting = True
        try:
            has_input = await self._lender.wait_for(descriptor)
        finally:
            self.is_waiting = False
        if has_input:
            self._lender.serve_only(descriptor)

    def recall(self) -> None:
        """Wake the task that waits for input, because something else has happened."""
        if self.is_waiting:
            self._lender.interrupt()

    # For the pump.

    async def rest(self) -> None:
        """Wait for the end of the loan."""
        while self.is_lent:
            self._resting = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._stop_resting)

    def end(self) -> None:
        """Let the pump wait for its sockets again, if there is a loan."""
        if not self.is_lent:
            return
        self.is_lent = False
        trio.lowlevel.remove_instrument(self)
        if self._resting is not None:
            task, self._resting = self._resting, None
            trio.lowlevel.reschedule(task)

    def _begin(self) -> None:
        self._lender.interrupt()  # the pump still waits for the socket
        self.is_lent = True
        self._rounds_away = 0
        self._token = trio.lowlevel.current_trio_token()
        trio.lowlevel.add_instrument(self)

    def _stop_resting(self, _: object) -> trio.lowlevel.Abort:
        self._resting = None
        return trio.lowlevel.Abort.SUCCEEDED

    # For Trio.

    def before_io_wait(self, timeout: float) -> None:
        """End the loan if Trio is about to sleep while no task waits for the socket."""
        if self.is_waiting:
            self._rounds_away = 0
            return
        self._rounds_away += 1
        if timeout > 0 or self._rounds_away > ROUNDS_AWAY:
            assert self._token is not None  # it is known when a loan begins
            # Not here: Trio has decided how long to sleep, and only this would wake it.
            self._token.run_sync_soon(self._take_back, idempotent=True)

    def _take_back(self) -> None:
        if not self.is_waiting:
            self._trust = -DISTRUST
            self.end()
