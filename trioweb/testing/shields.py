"""Taking the shields away from tasks that have failed a test, so that they can end."""

from __future__ import annotations

import trio


def lift_shields(scope: trio.CancelScope) -> None:
    """Take away every shield below a scope that a task is in."""
    # Trio shows a program only the scopes that it holds itself, so there is no other way.
    status = scope._cancel_status  # noqa: SLF001
    pending = [] if status is None else list(status.children)
    while pending:
        status = pending.pop()
        status._scope.shield = False  # noqa: SLF001
        pending += status.children
