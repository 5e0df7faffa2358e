"""The body of one request: a guard that bounds it, and h11 that removes its framing.

Neither would do alone. h11 finds the end of a body, but bounds neither its chunk extensions nor its
trailers, and is slow with many short chunks. The guards bound all of that, but the response also
depends on h11's idea of the request: it has to see the body's end before a next request can start. So the
guard takes the bytes, and h11 gets the plainest form of them.

Each request with a body has a decoder of its own, made with its head. A request without one, which
is nearly every request, has none.
"""

from __future__ import annotations

import h11

from trioweb._wire.http1.body_guard import ChunkGuard, LengthGuard
from trioweb._wire.http1.late_h11 import LateH11
from trioweb.errors import BodyTooLarge, LocalProtocolError


class BodyDecoder:
    """Takes the body off the front of the input, piece by piece.

    Args:
        late_h11: Has seen the head of the request.
        content_bytes: The announced length; `None` if the body comes in chunks.
        overhead_bytes: How long the extensions and trailers of chunks may be, all together.

    Attributes:
        has_ended: Whether the body is complete.
    """

    __slots__ = ("_content_bytes", "_guard", "_h11", "_overhead_bytes", "has_ended")

    def __init__(self, late_h11: LateH11, content_bytes: int | None, *, overhead_bytes: int) -> None:
        self._h11 = late_h11
        self._content_bytes = content_bytes
        self._overhead_bytes = overhead_bytes
        self._guard: LengthGuard | ChunkGuard | None = None
        self.has_ended = False

    def limit(self, body_bytes: int) -> None:
        """Set how long the body may be.

        Limits depend on the route, and the route on the head, so the limit cannot come with the
        others. Instead of a default, a body has no pieces until its limit is set: a default would
        have to be unlimited, for the sake of the route with the highest limit, and forgetting the
        call would then go unnoticed.

        Raises:
            BodyTooLarge: The body is announced to be longer. It can still be taken, to be discarded.
        """
        if self._content_bytes is None:
            self._guard = ChunkGuard(body_bytes=body_bytes, overhead_bytes=self._overhead_bytes)
            return
        self._guard = LengthGuard(self._content_bytes)
        # Refused by its announcement, before a byte of it is awaited (RFC 9110 §15.5.14).
        if self._content_bytes > body_bytes:
            raise BodyTooLarge(
                f"a body of {self._content_bytes} bytes was announced, and at most {body_bytes} are taken"
                " (Limits.body_bytes)"
            )

    def take(self, data: bytearray) -> bytes:
        """Take the next piece off the front of `data`; `b""` at the end, or if more has to arrive first.

        Raises:
            RemoteProtocolError: The chunks are malformed, or too long.
            LocalProtocolError: `limit` was not called.
        """
        if self._guard is None:
            raise LocalProtocolError("the body has no limit yet: call limit_body before reading it")
        taken = self._guard.take(data)
        if not taken:
            return b""
        pieces: list[bytes] = []
        event = self._h11.decode(taken)
        while isinstance(event, h11.Data):
            pieces.append(event.data)
            event = self._h11.decode(b"")
        self.has_ended = isinstance(event, h11.EndOfMessage)
        return b"".join(pieces)
