"""Programs that are imported from a folder, for one test."""

from __future__ import annotations

import sys
from contextlib import contextmanager


@contextmanager
def forgetting(folder):
    """Start without the modules and packages of a folder, and forget them at the end."""
    forget(folder)
    yield
    forget(folder)


def forget(folder):
    own = {path.stem for path in folder.glob("*.py")} | {
        path.parent.name for path in folder.glob("*/__init__.py")
    }
    for name in [name for name in sys.modules if name.partition(".")[0] in own]:
        del sys.modules[name]
