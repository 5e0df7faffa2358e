"""The body of one request: a guard that bounds it, and h11 that removes its framing.

Neither of them is enough alone. h11 finds the end of a body, but does not bound chunk extensions or
trailers, and is slow with many short chunks. The guards bound all of these. But h11 also frames the
response, and has to see the end of the body before the next request can start. So the guard takes the
bytes, and passes them on to h11 in their plainest form.

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

        The limit depends on the route, and the route on the head, so it cannot be set when the
        decoder is made. There is no default either: it would have to allow as much as the most
        generous route, and a forgotten call would go unnoticed. Until the limit is set, `take` raises.

        Raises:
            BodyTooLarge: The announced length is above the limit. The body can still be taken, to be
                discarded.
        """
        if self._content_bytes is None:
            self._guard = ChunkGuard(body_bytes=body_bytes, overhead_bytes=self._overhead_bytes)
            return
        self._guard = LengthGuard(self._content_bytes)
        # The announced length is enough to refuse it, before a byte of it is read (RFC 9110 §15.5.14).
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
