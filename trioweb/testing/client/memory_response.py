"""The response to a request over memory: one of httpx's that closes what it has opened."""

from __future__ import annotations

import gc
import inspect
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, cast

import httpx

from trioweb.testing.memory.listener import MemoryConnection


class MemoryResponse(httpx.Response):
    """A response, and the generators by which a test reads it.

    httpx reads a body through three or four async generators, one inside the other. A test that stops in the middle,
    with `break` for example, leaves them where they are. Under Trio, a generator that is thrown away like that
    is a `ResourceWarning`, and in many projects a warning is an error. So they are closed at the end of `client.stream`.

    Attributes:
        carrier: The connection on which it came.
    """

    carrier: MemoryConnection | None = None

    def aiter_raw(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """As httpx does."""
        return self._kept(super().aiter_raw(chunk_size))

    def aiter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """As httpx does."""
        return self._kept(super().aiter_bytes(chunk_size))

    def aiter_text(self, chunk_size: int | None = None) -> AsyncIterator[str]:
        """As httpx does."""
        return cast("AsyncIterator[str]", self._kept(super().aiter_text(chunk_size)))

    def aiter_lines(self) -> AsyncIterator[str]:
        """As httpx does."""
        return cast("AsyncIterator[str]", self._kept(super().aiter_lines()))

    def _kept(self, opened: AsyncIterator[object]) -> AsyncIterator[bytes]:
        self._opened().append(cast("AsyncGenerator[object]", opened))
        return cast("AsyncIterator[bytes]", opened)

    def _opened(self) -> list[AsyncGenerator[object]]:
        return cast("list[AsyncGenerator[object]]", self.__dict__.setdefault("_opened_generators", []))

    async def close_generators(self) -> None:
        """Close them, and those of httpx that they read from."""
        for opened in self._opened():
            await close_generators_of(opened)


async def close_generators_of(outermost: AsyncGenerator[object]) -> None:
    """Close an async generator, and each that one of them reads from.

    They are collected before the first is closed, because a closed one forgets the one that it read from. In Python,
    only the garbage collector knows which that is; Trio asks it the same about tasks that wait in a generator.
    """
    chain: list[AsyncGenerator[object, Any]] = [outermost]
    for generator in chain:
        chain += [one for one in gc.get_referents(generator) if inspect.isasyncgen(one)]
    for generator in chain:
        await generator.aclose()
