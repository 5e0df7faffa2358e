"""Which tasks there are, and which of them wait for the outside: for what no task of this run can bring about.

`Stuck` is raised only if this is right, and Trio does not say what a task waits for. But it shows the frames of a task,
and each kind of wait for the outside has functions of its own. In case of doubt the answer is yes: a test that hangs
until its runner's limit is a nuisance, while one that is ended although a socket was about to wake it is a lie.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import trio
import trio.testing

from trioweb._transport.engine import Engine
from trioweb._transport.pump import Pump

_TRIO = os.path.dirname(trio.__file__) + os.sep
_TRIOWEB = str(Path(__file__).parents[2]) + os.sep

# Where Trio waits for something that only the outside can bring about. Trio does not promise the names of its files, but
# these have not changed since its first releases; and if one does, a test of this module fails.
_OUTSIDE = tuple(f"{_TRIO}{name}" for name in ("_core/_io_", "_threads.py", "_signals.py", "_subprocess"))
_PORTAL = f"{os.sep}anyio{os.sep}from_thread.py"
"""Where a run of Trio waits whose tasks are started from another thread, by AnyIO's `BlockingPortal`."""

_ENTRY_QUEUE = f"{_TRIO}_core/_entry_queue.py"
_TRAPS = f"{_TRIO}_core/_traps.py"
_PUMP = Pump.run.__code__
_IDLE = trio.testing.wait_all_tasks_blocked.__code__


def all_tasks() -> list[trio.lowlevel.Task]:
    """Return every task of this run of Trio, parents first."""
    root = trio.lowlevel.current_root_task()
    return [] if root is None else list(tasks_below(root))


def tasks_below(task: trio.lowlevel.Task) -> Iterator[trio.lowlevel.Task]:
    """Yield a task, and all that it has started directly or indirectly."""
    waiting = [task]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += [child for nursery in one.child_nurseries for child in nursery.child_tasks]


def waits_for_the_outside(task: trio.lowlevel.Task, engines: tuple[Engine, ...]) -> bool:
    """Return whether something other than the tasks of this run may wake a task.

    That is a socket, a pipe, another process, a worker thread, or a signal. A task that waits in a way which is
    not Trio's own counts as well: nobody here knows what it waits for.

    Args:
        task: Is not running.
        engines: The pumps of those that have sockets wait for the outside.
    """
    frames = [frame for frame, _ in task.iter_await_frames()]
    if not frames:
        return False
    names = [frame.f_code.co_filename for frame in frames]
    if _ENTRY_QUEUE in names:  # Trio's own, which waits for other threads that may want something of it
        return False
    codes = {frame.f_code for frame in frames}
    if _PUMP in codes:
        return any(engine.pump is not None and not engine.pump.is_idle for engine in engines)
    if _IDLE in codes or any(name.startswith(_OUTSIDE) or name.endswith(_PORTAL) for name in names):
        return True
    *_, caller = [name for name in names if name != _TRAPS] or [""]
    return not caller.startswith((_TRIO, _TRIOWEB))
