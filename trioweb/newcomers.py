"""Advice for programs that were written for another framework, or for asyncio."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import trio

from trioweb.errors import SetupError
from trioweb.exception_groups import leaf_exceptions
from trioweb.foreign_names import KEYWORDS

_OF_ASYNCIO = re.compile(r"no (running|current) event loop|framework like asyncio")
_NOTE = (
    "trioweb runs handlers under Trio, where asyncio does not work: write trio.sleep, nursery.start_soon"
    " and trio.Event in place of asyncio.sleep, asyncio.create_task and asyncio.Event, and use libraries that"
    " support Trio or AnyIO"
)

_OURS = re.compile(
    r"(?:Response|JSON|Redirect|File|Stream|EventStream|HTTPError)\.(?:__init__|set_cookie|delete_cookie)\(\)"
    r" got an unexpected keyword argument '(?P<keyword>\w+)'"
)


def require_trio() -> None:
    """Refuse to run outside Trio.

    Raises:
        SetupError: Another event loop runs this coroutine.
    """
    if not trio.lowlevel.in_trio_task():
        raise SetupError(
            "trioweb runs under Trio: write trioweb.run(app), or trio.run(trioweb.serve, app),"
            " in place of asyncio.run(trioweb.serve(app))"
        )


def explain(error: BaseException) -> None:
    """Add a note to an exception raised by asyncio or by an argument name of another framework."""
    for leaf in leaf_exceptions(error):
        note = _note_for(leaf)
        if note is not None and note not in getattr(leaf, "__notes__", ()):
            leaf.add_note(note)


@contextmanager
def explained() -> Iterator[None]:
    """Add such a note to any exception of the block."""
    try:
        yield
    except Exception as error:
        explain(error)
        raise


def _was_raised_in_asyncio(error: BaseException) -> bool:
    """Return whether asyncio has failed because its loop is missing, as in `None.create_future()`."""
    frames = error.__traceback__
    if not isinstance(error, (AttributeError, RuntimeError)) or frames is None:
        return False
    *_, (innermost, _) = traceback.walk_tb(frames)
    return str(innermost.f_globals.get("__name__")).partition(".")[0] == "asyncio"


def _note_for(error: BaseException) -> str | None:
    if _OF_ASYNCIO.search(str(error)) or _was_raised_in_asyncio(error):
        return _NOTE
    found = _OURS.match(str(error)) if isinstance(error, TypeError) else None
    advice = None if found is None else KEYWORDS.get(found["keyword"])
    return None if advice is None else f"trioweb has another name for it: write {advice}"
