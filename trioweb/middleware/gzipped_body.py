"""A streamed body that is compressed while it is sent (RFC 1952)."""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial

import trio

from trioweb._web.derived_body import DerivedBody
from trioweb._web.response import Response

_THREAD_BYTES = 32 * 1024
"""Pieces of this size and above are compressed in a worker thread. For smaller ones, switching to the thread
and back takes longer than compressing."""

_GZIP_WINDOW = 16 + zlib.MAX_WBITS
"""Makes zlib write the header and the checksum of gzip."""


class GzippedBody(DerivedBody):
    """The body of another response, compressed piece by piece.

    Each piece is flushed and leaves at once, because the source may pause for long after any of
    them. The result is a little longer than if the body were compressed as a whole.

    Args:
        inner: Is closed with this one.
        level: zlib's effort, 1 to 9.
    """

    __slots__ = ("_level",)

    def __init__(self, inner: Response, level: int) -> None:
        super().__init__(inner)
        self.content_bytes = None  # the compressed length is known only at the end
        self._level = level

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the compressed pieces, and at the end the checksum."""
        stream = zlib.compressobj(self._level, zlib.DEFLATED, _GZIP_WINDOW)
        async with aclosing(self.inner.chunks()) as pieces:
            async for piece in pieces:
                # An empty piece may be meant to send the head.
                yield (
                    await compress_without_blocking(partial(_flushed, stream, piece), piece) if piece else b""
                )
        yield stream.flush()


def _flushed(stream: zlib._Compress, piece: bytes) -> bytes:
    return stream.compress(piece) + stream.flush(zlib.Z_SYNC_FLUSH)


async def compress_without_blocking(compress: Callable[[], bytes], data: bytes) -> bytes:
    """Call `compress` here, or in a worker thread if other tasks would have to wait too long.

    Cancellation: At once; a thread that is compressing ends by itself, and its result is dropped.
    """
    if len(data) < _THREAD_BYTES:
        return compress()
    return await trio.to_thread.run_sync(compress, abandon_on_cancel=True)
