"""How a task has stopped, and where: read from the frames that it waits in.

Trio has two kinds of checkpoint, and a cancellation meets them differently. Which kind it is can be read from the
innermost frames, for every wait goes through the same few functions of `trio.lowlevel`:

    the innermost frames                              the task
    wait_task_rescheduled                             is blocked; `cancel()` schedules it at once
    checkpoint, then cancel_shielded_checkpoint       is ready already; looks for a cancellation when it goes on
    cancel_shielded_checkpoint alone                  is ready already, and ignores a cancellation this time

The last one is the half of a checkpoint by which a call that has done its work lets others run.
"""

from __future__ import annotations

from enum import Enum

import trio

from trioweb.testing.program_line import line_of, shown_line

_BLOCKED = trio.lowlevel.wait_task_rescheduled.__code__
_YIELDING = trio.lowlevel.cancel_shielded_checkpoint.__code__
_CHECKPOINT = trio.lowlevel.checkpoint.__code__


class Stop(Enum):
    """How a task has stopped."""

    BLOCKED = "it waits for something, and a cancellation wakes it"
    CHECKPOINT = "it lets others run, and notices a cancellation before it goes on"
    YIELDING = "it lets others run, and notices a cancellation only at its next checkpoint"


def stop_of(task: trio.lowlevel.Task) -> Stop:
    """Return how a task that is not running has stopped."""
    codes = [frame.f_code for frame, _ in task.iter_await_frames()]
    innermost = [code for code in codes if code in {_BLOCKED, _YIELDING, _CHECKPOINT}]
    if innermost[-1:] == [_BLOCKED]:
        return Stop.BLOCKED
    return Stop.CHECKPOINT if innermost == [_CHECKPOINT, _YIELDING] else Stop.YIELDING


def place_of(task: trio.lowlevel.Task) -> str:
    """Describe where a task has stopped, in a library if it must be: every report of a cancellation names a place."""
    if line := line_of(task):
        return line
    outermost = next(task.iter_await_frames(), None)
    return f"the end of {task.name}" if outermost is None else shown_line(*outermost)
