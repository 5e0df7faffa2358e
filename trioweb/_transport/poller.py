"""What the pump waits with: epoll on Linux, kqueue on macOS and the BSDs.

Why not `selectors`? Its `select` goes over the ready descriptors in Python, one by one, to look up a key for
each. Here epoll is used directly, without a line of Python in between, and kqueue gets epoll's methods. Both
are level-triggered, and both have a descriptor of their own, on which Trio can wait; `select` and `poll` have
none, which is why there is no third class.
"""

from __future__ import annotations

import select
import sys
from collections.abc import Callable, Sequence
from typing import Protocol

READABLE, WRITABLE = 1, 4
"""The values of `EPOLLIN` and `EPOLLOUT`, so that epoll's own methods serve as they are."""

# The numbers of kqueue(2). Python defines their names only on systems that have it, and the tests run this
# class on Linux as well.
_FILTER_READ, _FILTER_WRITE = -1, -2
_ADD, _DELETE = 1, 2
_FILTERS = ((READABLE, _FILTER_READ), (WRITABLE, _FILTER_WRITE))
_MASKS = {_FILTER_READ: READABLE, _FILTER_WRITE: WRITABLE}


class Poller(Protocol):
    """A set of descriptors, itself a descriptor that is readable when one of them is ready."""

    def register(self, fd: int, eventmask: int, /) -> None:
        """Watch a descriptor."""

    def modify(self, fd: int, eventmask: int, /) -> None:
        """Watch it for something else."""

    def unregister(self, fd: int, /) -> None:
        """Watch it no longer."""

    def poll(self, timeout: float, maxevents: int, /) -> list[tuple[int, int]]:
        """Return up to `maxevents` ready descriptors, each with what it is ready for.

        Other bits than `READABLE` and `WRITABLE` mean that a read will show what is wrong.
        """
        ...

    def fileno(self) -> int:
        """Return the set's own descriptor."""
        ...

    def close(self) -> None:
        """Give it back."""


class KernelEvent(Protocol):
    """An event of kqueue, as `select.kevent` has it."""

    @property
    def ident(self) -> int:
        """The descriptor."""
        ...

    @property
    def filter(self) -> int:
        """What it is ready for."""
        ...


class KernelQueue(Protocol):
    """A kqueue, as `select.kqueue` has it."""

    def control(
        self, changes: Sequence[object] | None, most: int, timeout: float | None, /
    ) -> list[KernelEvent]:
        """Make changes, then return events."""
        ...

    def fileno(self) -> int:
        """Return its descriptor."""
        ...

    def close(self) -> None:
        """Give it back."""


class KqueuePoller:
    """A kqueue with the methods of epoll, level-triggered like it.

    epoll knows one registration for each descriptor, with a mask; kqueue one for each pair of
    a descriptor and a direction. So the masks are kept here, and a change is the difference.
    """

    __slots__ = ("_event", "_masks", "_queue")

    def __init__(self, queue: KernelQueue, event: Callable[[int, int, int], object]) -> None:
        self._queue = queue
        self._event = event
        self._masks: dict[int, int] = {}

    def register(self, fd: int, eventmask: int, /) -> None:
        """Watch a descriptor."""
        self._change(fd, eventmask)

    def modify(self, fd: int, eventmask: int, /) -> None:
        """Watch it for something else."""
        self._change(fd, eventmask)

    def unregister(self, fd: int, /) -> None:
        """Watch it no longer."""
        self._change(fd, 0)

    def poll(self, timeout: float, maxevents: int, /) -> list[tuple[int, int]]:
        """Return what is ready; a descriptor that is ready for both directions appears once."""
        ready: dict[int, int] = {}
        for event in self._queue.control(None, maxevents, timeout):
            ready[event.ident] = ready.get(event.ident, 0) | _MASKS[event.filter]
        return list(ready.items())

    def fileno(self) -> int:
        """Return the kqueue's own descriptor, which another kqueue can watch."""
        return self._queue.fileno()

    def close(self) -> None:
        """Give it back."""
        self._queue.close()

    def _change(self, fd: int, mask: int) -> None:
        before = self._masks.pop(fd, 0)
        if mask:
            self._masks[fd] = mask
        # Adding a filter twice changes nothing, but deleting one that is not there is an error.
        changes = [
            self._event(fd, kind, _ADD if mask & bit else _DELETE)
            for bit, kind in _FILTERS
            if (mask ^ before) & bit
        ]
        if changes:
            self._queue.control(changes, 0, 0)


def open_poller() -> Poller | None:
    """Return what this system has; `None` on Windows, where each connection gets a reader task."""
    poller: Poller | None
    if sys.platform == "linux":
        poller = select.epoll()
    elif sys.platform == "win32":
        poller = None
    else:
        poller = KqueuePoller(select.kqueue(), select.kevent)
    return poller
