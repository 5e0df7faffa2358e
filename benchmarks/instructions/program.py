"""What valgrind runs: walks every hot path in a process of its own.

The processes are forked off when everything is imported, so all paths begin alike, and the
dear part, starting Python under valgrind, is paid once. When a path is warm two more are
forked off there: one ends at once, one walks. Valgrind says what each has cost with all that
came before it, which is the same for both, so the difference is the steps and nothing else.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable
from functools import partial

WARM_UP_STEPS = 20
"""CPython replaces code that has run a few times with faster instructions; let that happen first."""

WITHOUT_SPEEDUPS = "--without-speedups"


def in_process(work: Callable[[], None]) -> int:
    """Do the work in a forked process, wait for it, and return its number."""
    process = os.fork()
    if not process:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(process, 0)
    if status:
        raise SystemExit(f"process {process} ended with status {status}")
    return process


def walk(name: str, steps: int, prepare: Callable[[], Callable[[], object]]) -> None:
    """Walk a path, and print the two processes whose difference in cost is the path's."""
    step = prepare()

    def walk_on(count: int) -> None:
        for _ in range(count):
            step()

    walk_on(WARM_UP_STEPS)
    before = in_process(partial(walk_on, 0))
    after = in_process(partial(walk_on, steps))
    print(json.dumps([name, before, after]), flush=True)


def main() -> None:
    """Walk all paths, or without speedups the paths that mask."""
    gc.disable()  # the moment when it runs depends on how many objects were made before
    is_without_speedups = WITHOUT_SPEEDUPS in sys.argv
    if is_without_speedups:
        sys.modules["websockets.speedups"] = None  # type: ignore[assignment]  # importing it fails
    from hot_paths import HOT_PATHS

    for name, path in HOT_PATHS.items():
        if path.is_masked or not is_without_speedups:
            in_process(partial(walk, name, path.steps, path.prepare))


if __name__ == "__main__":
    main()
