"""Where a task has stopped, and how: read from the frames that it waits in."""

from __future__ import annotations

import linecache
import os
import sysconfig
from enum import Enum
from pathlib import Path
from types import FrameType

import trio

import trioweb

# The frames in which every wait of Trio ends, whatever is waited for.
_BLOCKED = trio.lowlevel.wait_task_rescheduled.__code__
_YIELDING = trio.lowlevel.cancel_shielded_checkpoint.__code__
_CHECKPOINT = trio.lowlevel.checkpoint.__code__

_LIBRARIES = tuple(
    os.path.join(os.path.realpath(folder), "")
    for folder in (
        *(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        os.path.dirname(trio.__file__),
        os.path.dirname(trioweb.__file__),
    )
)
"""Folders whose frames are not the test's own."""


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
    """Describe the line where a task has stopped: the innermost one of the test, and the one below it in a library."""
    frames = list(task.iter_await_frames())
    if not frames:
        return f"the end of {task.name}"
    own = [index for index, (frame, _) in enumerate(frames) if not _is_library(frame)]
    index = own[-1] if own else 0
    frame, line = frames[index]
    text = linecache.getline(frame.f_code.co_filename, line).strip()
    return f"{_shown_path(frame)}:{line} in {frame.f_code.co_name}: {text}"


def _is_library(frame: FrameType) -> bool:
    return os.path.realpath(frame.f_code.co_filename).startswith(_LIBRARIES)


def _shown_path(frame: FrameType) -> str:
    path = Path(frame.f_code.co_filename)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
