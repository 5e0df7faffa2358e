"""A response that is generated while it is sent."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Any, cast

from trioweb._web.response import OCTETS, Response, with_charset
from trioweb._web.streams.source_body import SourceBody
from trioweb._wire.http1.response_encoder import WITHOUT_BODY
from trioweb.errors import LocalProtocolError
from trioweb.headers import HeaderSource, MutableHeaders

if TYPE_CHECKING:
    from trioweb._web.request import Request


class Stream(Response):
    """Send what an async iterable gives, piece by piece, no faster than the client takes it.

    The head leaves with the first piece. If the source raises before that, its exception is
    handled like one from the handler. If it raises later, the connection is cut, so that the
    client sees an incomplete body. Empty pieces are not sent, but `yield b""` first sends the
    head at once.

    The source runs in one task, inside the connection. It is always closed at the end, if it
    has an `aclose` as async generators do, even if middleware sends a different response. When
    the client leaves, it is cancelled first, even while it waits.

    Args:
        source: Gives `bytes`, or `str` which is sent as UTF-8. It can be used once.
        status: 200 to 599, but none without a body.
        headers: Header fields.
        content_type: By default `application/octet-stream`. Text gets its charset added.
        content_bytes: The length of the whole, if that is known: the client can then show how
            far it has come. If the source yields more or less, the connection is cut.
        ends_at_shutdown: When the server shuts down, the source is cancelled where it waits,
            and the response ends properly; for sources that have no end of their own. Otherwise
            the shutdown waits for the end, for `Timeouts.drain_seconds` at most.

    Raises:
        LocalProtocolError: The status, the length or a header field cannot be sent.
        TypeError: The source is not an async iterable.
    """

    __slots__ = ("_is_prepared",)

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
        if content_bytes is not None and content_bytes < 0:
            raise LocalProtocolError(f"content_bytes is 0 or more, or None, not {content_bytes}")
        body = SourceBody(
            source,
            self._encode,
            type(self).__name__,
            content_bytes=content_bytes,
            ends_at_shutdown=ends_at_shutdown,
        )
        super().__init__(body, status, headers=headers, content_type=content_type)
        if status in WITHOUT_BODY:
            raise LocalProtocolError(f"a response with status {status} has no body (RFC 9110 §15)")
        self.headers["content-type"] = with_charset(self.headers["content-type"])
        self._is_prepared = False

    @property
    def _source_body(self) -> SourceBody:
        return cast("SourceBody", self._streamed)

    async def prepare(self, request: Request) -> Response:
        """Hand the source over to the response of this request; for HEAD it is closed at once.

        Raises:
            LocalProtocolError: It has already answered a request.
        """
        if self._is_prepared:
            return self
        prepared = copy.copy(self)
        prepared._streamed = self._source_body.handed_over()  # noqa: SLF001 - of its own class
        prepared.headers = MutableHeaders(self.headers.lines())
        prepared._is_prepared = True  # noqa: SLF001
        if request.method == "HEAD":
            await prepared.aclose()
        return prepared

    # Static, since a bound method would make a cycle for the collector: response, body, response.
    @staticmethod
    def _encode(piece: Any) -> bytes:
        if isinstance(piece, str):
            return piece.encode("utf-8", "replace")
        if isinstance(piece, bytes | bytearray | memoryview):
            return bytes(cast("bytes", piece))
        raise TypeError(f"the source of a Stream gave {type(piece).__name__}: expected bytes or str")
