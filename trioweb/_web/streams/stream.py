"""A body that is made while it is sent."""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Self, cast

import trio

from trioweb._web.response import OCTETS, WITHOUT_BODY, Response, with_charset
from trioweb.errors import LocalProtocolError
from trioweb.headers import HeaderSource, MutableHeaders

if TYPE_CHECKING:
    from trioweb._web.request import Request

_END = object()


class Stream(Response):
    """Send what an async iterable gives, piece by piece, no faster than the client takes it.

    The head leaves with the first piece. What the source raises before that is answered
    as an exception of the handler is; later, the connection is cut, so that the client
    sees an incomplete body. Empty pieces are not sent, but `yield b""` first sends the
    head at once.

    The source runs in one task, inside the connection. Whatever happens it is closed at the
    end, if it has an `aclose` as async generators do, also where middleware answers with
    something else. When the client leaves, it is cancelled first, also where it waits.

    Args:
        source: Gives `bytes`, or `str` which is sent as UTF-8. It can be used once.
        status: 200 to 599, but none without a body.
        headers: Header fields.
        content_type: By default `application/octet-stream`. Text gets its charset added.
        content_bytes: The length of it all, if that is known: the client can tell how far
            it is. More or less than that cuts the connection.
        ends_at_shutdown: When the server shuts down, the source is cancelled where it waits,
            and the answer ends properly; for sources that have no end of their own. Otherwise
            the shutdown waits for the end, for `Timeouts.drain_seconds` at most.

    Raises:
        LocalProtocolError: The status, the length or a header field cannot be sent.
        TypeError: The source is no async iterable.
    """

    __slots__ = (
        "_content_bytes",
        "_has_stopped",
        "_is_prepared",
        "_opening",
        "_source",
        "_waiting",
        "ends_at_shutdown",
    )

    default_content_type = OCTETS
    is_streamed = True

    def __init__(
        self,
        source: AsyncIterable[bytes | str],
        status: int = 200,
        *,
        headers: HeaderSource | None = None,
        content_type: str | None = None,
        content_bytes: int | None = None,
        ends_at_shutdown: bool = False,
    ) -> None:
        super().__init__(status=status, headers=headers, content_type=content_type)
        if status in WITHOUT_BODY:
            raise LocalProtocolError(f"a response with status {status} has no body (RFC 9110 §15)")
        if content_bytes is not None and content_bytes < 0:
            raise LocalProtocolError(f"content_bytes is 0 or more, or None, not {content_bytes}")
        self.headers["content-type"] = with_charset(self.headers["content-type"])
        self._source: AsyncIterator[Any] | None = _iterator(source, type(self).__name__)
        self._content_bytes = content_bytes
        self.ends_at_shutdown = ends_at_shutdown
        self._opening: bytes | None = None
        self._is_prepared = False
        self._has_stopped = False
        self._waiting: trio.CancelScope | None = None

    @property
    def content_bytes(self) -> int | None:
        """The length that was announced."""
        return self._content_bytes

    @property
    def stops_when_client_leaves(self) -> bool:
        """It does: a source may be quiet for ever."""
        return True

    async def prepare(self, request: Request) -> Response:
        """Hand the source over to the response of this request; for HEAD it is closed at once.

        Raises:
            LocalProtocolError: This one has answered a request before.
        """
        if self._is_prepared:
            return self
        # Of its own, since a handler may keep this one and give it to the next request as well:
        # both would be sent the pieces of one source, or the later one none.
        prepared = self._taken()
        if request.method == "HEAD":
            await prepared.aclose()
        return prepared

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the source's pieces, each whole, then close it.

        Raises:
            LocalProtocolError: They were asked for before.
            TypeError: A piece is neither bytes nor text.
        """
        source = self._taken_source()
        try:
            if self._opening is not None:
                yield self._opening
            if self.ends_at_shutdown:
                while (piece := await self._next(source)) is not _END:
                    yield self._encode(piece)
            else:
                async for piece in source:
                    yield self._encode(piece)
        finally:
            await _aclose(source)

    def stop(self) -> None:
        """Ask the source for no more, and cancel it where it waits."""
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
        """Return the next piece; `_END` behind the last, or when `stop()` interrupts the waiting."""
        if not self._has_stopped:
            with trio.CancelScope() as self._waiting:
                return await anext(source, _END)
        return _END

    def _taken(self) -> Self:
        """Return a copy that has the source in place of this one."""
        source = self._taken_source()
        taken = copy.copy(self)
        taken.headers = MutableHeaders(self.headers.lines())
        taken._source, taken._is_prepared = source, True  # noqa: SLF001 - of its own class
        return taken

    def _taken_source(self) -> AsyncIterator[Any]:
        source, self._source = self._source, None
        if source is None:
            raise LocalProtocolError(
                f"this {type(self).__name__} has answered a request: make another for the next one"
            )
        return source

    def _encode(self, piece: Any) -> bytes:
        if isinstance(piece, str):
            return piece.encode("utf-8", "replace")
        if isinstance(piece, bytes | bytearray | memoryview):
            return bytes(cast("bytes", piece))
        raise TypeError(f"the source of a Stream gave {type(piece).__name__}: expected bytes or str")


def _iterator(source: AsyncIterable[Any], name: str) -> AsyncIterator[Any]:
    if not hasattr(source, "__aiter__"):
        hint = ": call the function that makes it" if callable(source) else ""
        raise TypeError(
            f"{name} takes an async iterable, such as what an async generator function returns, "
            f"not {type(source).__name__}{hint}"
        )
    return aiter(source)


async def _aclose(source: AsyncIterator[Any]) -> None:
    aclose = cast("Callable[[], Awaitable[object]] | None", getattr(source, "aclose", None))
    if aclose is not None:
        await aclose()
