"""The time for which an app's lifespan lasts: until the last server that needs it has ended."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import trio

from trioweb.errors import SetupError
from trioweb.exception_groups import bare_exceptions
from trioweb.failures import tell_failure

logger = logging.getLogger("trioweb")

ENDING_SECONDS = 0.25
"""How long to wait for a cancelled lifespan that shields itself."""


class Lifetime:
    """Enters a lifespan for its first holder, and leaves it after the last.

    Servers start and end in any order, so the lifespan cannot live in the nursery of any of
    them. The server that entered it would either have to outlive the others, or end the
    lifespan that they still need. So it runs in a task of its own, a system task of Trio,
    which ends before the `held` block of the last holder does. For a single holder, it
    behaves as if it ran in the holder's task:

    - an exception from it, or from a task in its nursery, cancels the holders' blocks and is
      raised from each of them;
    - context variables that it sets are set for the holders too;
    - if the last holder is cancelled while it waits for the end, the lifespan is cancelled.
      If it has not ended after `ENDING_SECONDS`, it is left behind.

    It belongs to one run of Trio at a time, and so to one thread.
    """

    def __init__(self, enter: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        self._enter = enter
        self._stay: _Stay | None = None
        self._lock = threading.Lock()  # two runs of Trio, in two threads, may ask at the same time

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold the lifespan for the duration of the block; the first holder enters it.

        Raises:
            SetupError: It belongs to another run of Trio, or was left behind.
            Exception: Any exception of the lifespan.
        """
        scope = trio.CancelScope()
        while (stay := self._joined(scope)).is_leaving:
            await stay.settled.wait()
        async with stay.held_by(scope):
            yield

    @asynccontextmanager
    async def held_if_entered(self) -> AsyncIterator[None]:
        """Hold it as `held` does if it has been entered in this run of Trio; otherwise do nothing."""
        stay = self._stay
        if stay is None or not stay.is_usable_here:
            yield
            return
        scope = trio.CancelScope()
        stay.holders.add(scope)
        async with stay.held_by(scope):
            yield

    def _joined(self, scope: trio.CancelScope) -> _Stay:
        """Return the current stay, or a new one; `scope` holds it unless it is being left."""
        with self._lock:
            stay = self._stay
            if stay is None or stay.is_over:
                self._stay = stay = _Stay(self._enter)
            elif stay.token is not trio.lowlevel.current_trio_token():
                raise SetupError(
                    "this app is being served in another run of Trio, to which its lifespan and its state "
                    "belong: make an App for each run"
                )
            elif stay.is_left_behind:
                raise SetupError(
                    "the app's lifespan was cancelled and has not ended yet: something in it shields itself"
                )
            if not stay.is_leaving:
                stay.holders.add(scope)
            return stay


class _Stay:
    """A lifespan from its entry to its exit, in a task of its own."""

    def __init__(self, enter: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        self._enter = enter
        self._before = contextvars.copy_context()
        self._context = contextvars.copy_context()
        self._entered, self._leave, self.ended = trio.Event(), trio.Event(), trio.Event()
        self.settled = trio.Event()  # it has ended, or is left behind
        self._is_entered = False
        self._scope = trio.CancelScope()
        self._failure: BaseException | None = None
        self.holders: set[trio.CancelScope] = set()
        self.is_left_behind = False
        self.token = trio.lowlevel.current_trio_token()
        trio.lowlevel.spawn_system_task(self._run, name="trioweb lifespan", context=self._context)

    @property
    def is_leaving(self) -> bool:
        return self._leave.is_set()

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or its run of Trio has."""
        if self.ended.is_set():
            return True
        try:
            self.token.run_sync_soon(_nothing)
        except trio.RunFinishedError:
            return True
        return False

    @property
    def is_usable_here(self) -> bool:
        return self._is_entered and not self.is_leaving and self.token is trio.lowlevel.current_trio_token()

    @asynccontextmanager
    async def held_by(self, scope: trio.CancelScope) -> AsyncIterator[None]:
        try:
            try:
                await self._entered.wait()
                if self._is_entered:
                    self._adopt_variables()
                    with scope:
                        yield
            finally:
                await self._release(scope)
        except trio.Cancelled:
            if self._failure is None:  # else the holder was cancelled while the failure ended it
                raise
        if self._failure is not None:
            raise self._failure

    def _adopt_variables(self) -> None:
        for variable, value in self._context.items():
            if variable not in self._before or self._before[variable] is not value:
                variable.set(value)

    async def _release(self, scope: trio.CancelScope) -> None:
        self.holders.discard(scope)
        if self.holders:
            return
        self._leave.set()
        if not self._is_entered:
            await self._cancel()
            return
        try:
            await self.ended.wait()
        except trio.Cancelled:
            await self._cancel()
            raise

    async def _cancel(self) -> None:
        self._scope.cancel(reason="nobody waits for the lifespan any longer")
        with trio.CancelScope(shield=True, deadline=trio.current_time() + ENDING_SECONDS):
            await self.ended.wait()
        if not self.ended.is_set():
            self.is_left_behind = True
            self.settled.set()
            logger.warning("the lifespan was cancelled but does not end: it is left behind")

    # The lifespan's own task. An exception that escaped from a system task would crash Trio.

    async def _run(self) -> None:
        try:
            with bare_exceptions(), self._scope:
                await self._enter_and_leave()
        except trio.Cancelled:  # Trio is ending
            pass
        except BaseException as error:
            self._failure = error
            if isinstance(error, Exception):
                tell_failure(error)  # before its holders end, and with them their connections
        finally:
            self._entered.set()
            self._leave.set()
            self.ended.set()
            self.settled.set()
            for holder in self.holders:
                holder.cancel(reason="the lifespan has ended")
        if self.is_left_behind and self._failure is not None:
            logger.error("the lifespan failed after it was left behind", exc_info=self._failure)

    @trio.lowlevel.disable_ki_protection
    async def _enter_and_leave(self) -> None:
        async with self._enter():
            self._is_entered = True
            self._entered.set()
            await self._leave.wait()


def _nothing() -> None:
    pass
