"""The rules of kqueue(2), emulated with epoll: the events of a Mac's kernel, on any machine.

Each pair of descriptor and filter is an entry of its own, adding one twice is allowed,
deleting a missing one is an error, and each entry that is ready gives an event.
"""

from __future__ import annotations

import errno
import os
import select
from typing import NamedTuple

READ, WRITE = -1, -2
ADD, DELETE = 1, 2
BITS = {READ: select.EPOLLIN, WRITE: select.EPOLLOUT}


class Event(NamedTuple):
    ident: int
    filter: int
    flags: int = ADD


class Queue:
    def __init__(self):
        self._epoll = select.epoll()
        self._entries = {}

    def control(self, changes, most, timeout):
        for change in changes or ():
            self._apply(change)
        if not most:
            return []
        ready = [
            Event(descriptor, kind)
            for descriptor, bits in self._epoll.poll(timeout, most)
            for kind in sorted(self._entries[descriptor])
            if bits & (BITS[kind] | select.EPOLLHUP | select.EPOLLERR)
        ]
        return ready[:most]

    def fileno(self):
        return self._epoll.fileno()

    def close(self):
        self._epoll.close()

    def _apply(self, change):
        entries = self._entries.setdefault(change.ident, set())
        was_watched = bool(entries)
        if change.flags == ADD:
            entries.add(change.filter)
        elif change.filter in entries:
            entries.remove(change.filter)
        else:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        mask = sum(BITS[kind] for kind in entries)
        if not entries:
            self._epoll.unregister(change.ident)
        elif was_watched:
            self._epoll.modify(change.ident, mask)
        else:
            self._epoll.register(change.ident, mask)
