"""The pieces that an async iterable gives."""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import Any, Self, cast

import trio

from trioweb._web.streamed_body import StreamedBody
from trioweb._web.streams.filler import Filler
from trioweb.errors import LocalProtocolError

_END = object()


class SourceBody(StreamedBody):
    """Requests pieces from a source, and always closes it.

    A source can be used once, and belongs to one request. `handed_over` moves it to a body of that
    request's own, since a handler may keep its response and return it again: without that, two requests
    would share the pieces, or the later one would silently get none.

    Args:
        source: Is closed at the end if it has an `aclose`, as async generators do.
        encode: Makes bytes of each piece.
        owner: The class of the response, for errors.
        content_bytes: The length, if that is known.
        ends_at_shutdown: Whether `stop()` cancels the source where it waits.

    Attributes:
        opening: Sent before the first piece of the source.
    """

    __slots__ = (
        "_encode",
        "_ends_at_shutdown",
        "_has_stopped",
        "_owner",
        "_source",
        "_waiting",
        "content_bytes",
        "filler",
        "opening",
    )

    def __init__(
        self,
        source: AsyncIterable[Any],
        encode: Callable[[Any], bytes],
        owner: str,
        *,
        content_bytes: int | None = None,
        ends_at_shutdown: bool = False,
    ) -> None:
        self._source: AsyncIterator[Any] | None = _iterator(source, owner)
        self._encode = encode
        self._owner = owner
        self.content_bytes = content_bytes
        self.opening: bytes | None = None
        self.filler: Filler | None = None
        self._ends_at_shutdown = ends_at_shutdown
        self._has_stopped = False
        self._waiting: trio.CancelScope | None = None

    def handed_over(self) -> Self:
        """Return a body that has the source in place of this one.

        Raises:
            LocalProtocolError: The source has been taken before.
        """
        source = self._taken_source()
        taken = copy.copy(self)
        taken._source = source  # noqa: SLF001 - of its own class
        return taken

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the source's pieces, each whole, then close it.

        Raises:
            LocalProtocolError: They have been requested before.
            TypeError: A piece is of the wrong type.
        """
        source = self._taken_source()
        try:
            if self.opening is not None:
                yield self.opening
            if self._ends_at_shutdown:
                while (piece := await self._next(source)) is not _END:
                    yield self._encode(piece)
            else:
                async for piece in source:
                    yield self._encode(piece)
        finally:
            await _aclose(source)

    def stop(self) -> None:
        """Ask the source for no more, and cancel it where it waits, if it may end early."""
        if self._ends_at_shutdown:
            self._has_stopped = True
            if self._waiting is not None:
                self._waiting.cancel(reason="the server shuts down")

    async def aclose(self) -> None:
        """Close the source, if `chunks()` has not taken it.

        Cancellation: The source's `aclose` has begun by then.
        """
        source, self._source = self._source, None
        if source is not None:
            await _aclose(source)

    async def _next(self, source: AsyncIterator[Any]) -> Any:
        """Return the next piece; `_END` after the last, or when `stop()` interrupts the waiting.

        The scope surrounds only the waiting. If it surrounded the `yield` too, it would be left open
        while the piece is sent, and Trio allows no scope to outlive the step that entered it.
        """
        if not self._has_stopped:
            with trio.CancelScope() as self._waiting:
                return await anext(source, _END)
        return _END

    def _taken_source(self) -> AsyncIterator[Any]:
        source, self._source = self._source, None
        if source is None:
            raise LocalProtocolError(
                f"this {self._owner} has answered a request: make another for the next one"
            )
        return source


def _iterator(source: AsyncIterable[Any], owner: str) -> AsyncIterator[Any]:
    if not hasattr(source, "__aiter__"):
        hint = ": call the function that makes it" if callable(source) else ""
        raise TypeError(
            f"{owner} takes an async iterable, such as what an async generator function returns, "
            f"not {type(source).__name__}{hint}"
        )
    return aiter(source)


async def _aclose(source: AsyncIterator[Any]) -> None:
    aclose = cast("Callable[[], Awaitable[object]] | None", getattr(source, "aclose", None))
    if aclose is not None:
        await aclose()
