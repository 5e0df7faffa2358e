"""The body of a request: read whole and kept, or streamed once."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

import trio

from trioweb.config import Limits
from trioweb.errors import LocalProtocolError

KEPT_PIECE_BYTES = 64 * 1024
"""A body that was kept is handed out again in pieces of this length, as if it had just arrived."""


class BodySource(Protocol):
    """Where the pieces of a body come from: in a server, the `IncomingBody` of the request."""

    async def receive(self) -> bytes:
        """Return the next piece, `b""` at the end."""
        ...

    def limit(self, limits: Limits) -> None:
        """Bound what is received from here on, or raise `BodyTooLarge`."""
        ...


class NoBody:
    """The source for a request without a body."""

    async def receive(self) -> bytes:
        """Return the end."""
        return b""

    def limit(self, limits: Limits) -> None:
        """Do nothing: no body is within any limit."""


class _HoldsFiles(Protocol):
    async def aclose(self) -> None: ...


class RequestBody:
    """Reads a request's body; any number of tasks may ask for the whole of it.

    A cancelled `read` loses nothing: what has arrived is kept, and the next call continues there.

    The handler reads it through its `Request`. The server holds it as well, to set the limits when the
    route is known, and to close at the end what was made from it.

    Args:
        source: Returns the pieces. Their total is limited where the bytes arrive, so it is not
            counted again here.
        limits: Those of the application, until `limit` sets others.

    Attributes:
        limits: The limits that apply to the body and to forms in it.
        form: What was made from the body and holds files; closed by `aclose`.
    """

    __slots__ = (
        "_claimed_by",
        "_come",
        "_lock",
        "_position",
        "_source",
        "_whole",
        "form",
        "limits",
    )

    def __init__(self, source: BodySource, *, limits: Limits) -> None:
        self._source = source
        self.limits = limits
        self.form: _HoldsFiles | None = None
        self._lock: trio.Lock | None = None
        # Joined as it arrives: it may arrive in segments of one byte, and each would be an object.
        self._come = bytearray()
        self._whole: bytes | None = None
        self._claimed_by: str | None = None
        self._position = 0

    def limit(self, limits: Limits) -> None:
        """Apply these limits from here on. Call this before any of the body is read.

        Raises:
            BodyTooLarge: It is announced to be longer. It can still be read, which raises the same.
        """
        self.limits = limits
        self._source.limit(limits)

    async def read(self) -> bytes:
        """Return the whole body, reading what has not been read."""
        if self._whole is not None:
            await trio.lowlevel.checkpoint()
            return self._whole
        if self._claimed_by is not None:
            raise LocalProtocolError(
                f"the body was streamed by {self._claimed_by} and is not kept:"
                f" use either body() or {self._claimed_by}, or body() first"
            )
        self._lock = self._lock or trio.Lock()
        async with self._lock:
            while self._whole is None:
                if piece := await self._source.receive():
                    self._come += piece
                else:
                    self._whole, self._come = bytes(self._come), bytearray()
        return self._whole

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the body piece by piece, keeping nothing."""
        self.claim("stream()")
        position = 0
        while piece := await self._piece(position):
            position += len(piece)
            yield piece

    def claim(self, reader: str) -> None:
        """Reserve what is not kept for one reader, which calls `receive`.

        Raises:
            LocalProtocolError: Another one has it.
        """
        if self._whole is not None:
            return
        if self._claimed_by is not None or self._lock is not None:
            taker = self._claimed_by or "body()"
            raise LocalProtocolError(
                f"the body is read by {taker} already, and comes over the wire only once: {reader} is too late"
            )
        self._claimed_by = reader

    async def receive(self) -> bytes:
        """Return the next piece for the reader that claimed it, `b""` at the end."""
        piece = await self._piece(self._position)
        self._position += len(piece)
        return piece

    async def aclose(self) -> None:
        """Release the files of a form.

        Cancellation: They are still released.
        """
        if self.form is not None:
            await self.form.aclose()

    async def _piece(self, position: int) -> bytes:
        """Return what is there in a body that was kept, and of any other what comes next."""
        if self._whole is None:
            return await self._source.receive()
        await trio.lowlevel.checkpoint()
        return self._whole[position : position + KEPT_PIECE_BYTES]
