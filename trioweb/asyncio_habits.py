"""What a program is told that was written for asyncio."""

from __future__ import annotations

import trio

from trioweb.errors import SetupError
from trioweb.exception_groups import leaves

_NO_LOOP = "no running event loop"
_NOTE = (
    "trioweb runs handlers under Trio, where nothing of asyncio works: write trio.sleep, nursery.start_soon"
    " and trio.Event in place of asyncio.sleep, asyncio.create_task and asyncio.Event, and use libraries that"
    " support Trio or AnyIO"
)


def require_trio() -> None:
    """Refuse to run where there is no Trio.

    Raises:
        SetupError: Somebody else runs this coroutine.
    """
    if not trio.lowlevel.in_trio_task():
        raise SetupError(
            "trioweb runs under Trio: write trioweb.run(app), or trio.run(trioweb.serve, app),"
            " in place of asyncio.run(trioweb.serve(app))"
        )


def explain(error: BaseException) -> None:
    """Add a note to an exception that asyncio raised because it does not run here."""
    for leaf in leaves(error):
        is_asyncio = isinstance(leaf, RuntimeError) and str(leaf) == _NO_LOOP
        if is_asyncio and _NOTE not in getattr(leaf, "__notes__", ()):
            leaf.add_note(_NOTE)
