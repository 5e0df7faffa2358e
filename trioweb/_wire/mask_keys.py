"""Keys for the masks of frames that a client sends: fresh, unpredictable, and never used twice.

A mask protects others, not the two peers. A page, or a message that a program passes on, decides what a client
sends. Without a mask it could make the bytes on the wire look like a request to a proxy that does not know
WebSockets, and poison its cache (RFC 6455 §10.3). So nobody may be able to predict a key, and each frame needs
a fresh one from a strong source of entropy (§5.3). A source such as `random` would not do: from enough of
its numbers, which every server is shown, the next ones can be computed.

Asking the kernel for four bytes is a system call, which costs more than everything else that a short message
needs. So keys are drawn in batches and kept in a list, of which `pop` takes one: a single step under the GIL,
so two threads never get the same key. Neither does a child process, which would otherwise begin with a copy of
its parent's list: it forgets the list at once.
"""

from __future__ import annotations

import os
import struct

_BATCH = 512
"""How many keys are drawn at once: 2 KiB of entropy, which the process keeps as 20 KiB of objects."""

_split = struct.Struct("4s" * _BATCH).unpack

_keys: list[bytes] = []

take_key = _keys.pop
"""Take a key that was drawn before; `IndexError` says that there is none."""


def draw_key() -> bytes:
    """Draw a batch of keys, and take one of them."""
    fresh: list[bytes] = [*_split(os.urandom(4 * _BATCH))]
    key = fresh.pop()
    _keys.extend(fresh)
    return key


def fresh_key() -> bytes:
    """Take a key, and draw a batch first if there is none."""
    try:
        return take_key()
    except IndexError:
        return draw_key()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_keys.clear)
