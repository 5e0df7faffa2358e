"""The line of the program in which a task waits: the one that its author knows.

A task is a chain of coroutines, each awaiting the next, and the innermost one waits for the scheduler. Its last
frames are always Trio's, and often those of trioweb or httpx above them, which explain nothing to the author of a test. So
the line is that of the innermost frame which belongs to the program.

Which frames are those? Files in the folder of an environment or of Python itself were installed, and nobody edits them. But
an application may be installed as well, as tox does it, or be the very package whose folder is searched. So if
a chain has nothing else, an installed file will do, unless it is of a library that this kit is made of.
"""

from __future__ import annotations

import contextlib
import linecache
import os
import sysconfig
from pathlib import Path
from types import FrameType

import trio

_TRIO_AND_TRIOWEB = (os.path.dirname(trio.__file__) + os.sep, str(Path(__file__).parents[1]) + os.sep)
_OTHER_LIBRARIES = tuple(
    f"{os.sep}{name}{os.sep}"
    for name in ("trio", "httpx", "httpcore", "anyio", "pytest_trio", "_pytest", "outcome", "hypothesis")
)
_INSTALLED = tuple(
    os.path.join(os.path.realpath(sysconfig.get_path(name)), "")
    for name in ("stdlib", "platstdlib", "purelib", "platlib")
)


def line_of(task: trio.lowlevel.Task) -> str | None:
    """Return the line of the program in which a task waits, as `file:12 in function: code`; `None` without one."""
    frames = [
        (frame, line) for frame, line in task.iter_await_frames() if not _is_kit(frame.f_code.co_filename)
    ]
    own = [place for place in frames if not _is_installed(place[0].f_code.co_filename)]
    innermost = (own or frames)[-1:]
    return shown_line(*innermost[0]) if innermost else None


def shown_line(frame: FrameType, line: int) -> str:
    """Describe a line, with its code: a report is often read where the file is not, in the log of a CI run."""
    name = frame.f_code.co_filename
    return f"{_short(name)}:{line} in {frame.f_code.co_name}: {linecache.getline(name, line).strip()}"


def _is_kit(name: str) -> bool:
    # contextlib's frames are between a block of the program and what it waits in.
    if name.startswith(_TRIO_AND_TRIOWEB) or name == contextlib.__file__:
        return True
    return any(library in name for library in _OTHER_LIBRARIES)


def _is_installed(name: str) -> bool:
    return os.path.realpath(name).startswith(_INSTALLED)


def _short(name: str) -> str:
    """Return a path as seen from the current folder, if the file is below it."""
    try:
        below = os.path.relpath(name)
    except ValueError:  # on another drive
        return name
    return name if below.startswith("..") else below
