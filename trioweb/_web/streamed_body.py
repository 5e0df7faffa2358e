"""The body of a response that is generated while it is sent.

A response holds its body: whole, as bytes, or as a `StreamedBody`, which hands it out in pieces. The source
of the pieces varies (a file, an iterable, a compressor), and so do the ways in which they may end. The
status and the header fields do not: they belong to the response. So a response is never wrapped in another
class of responses. Middleware that changes the body makes a `Response` with another body.

The server sends it like this, in one task from the first step to the last:

    async with aclosing(body.chunks()) as chunks:
        wait for the first of chunks        # an exception here still becomes an error page
        send the head, and the first of chunks with it
        send each of the others             # an exception here cuts the connection
    await body.aclose()                     # in any case, even if `chunks` was never called
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from trioweb._web.streams.filler import Filler


class StreamedBody:
    """Gives a body piece by piece, once.

    Attributes:
        content_bytes: The length of the whole; `None` if it is not known before the end. A HEAD
            request is answered with it, without asking for a piece.
        filler: What is sent between two pieces when the next is long in coming.
        stops_when_client_leaves: Whether `chunks()` is cancelled when the client ends its side. True
            for a body that may go on for ever. A body with a known end is sent completely, since the
            client may have closed only its half of the connection, and still be reading.
    """

    __slots__ = ()

    content_bytes: int | None = None
    filler: Filler | None = None
    stops_when_client_leaves: bool = True

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """Return an async generator of the pieces.

        Empty pieces are not sent, but an empty first one lets the head go.
        """
        raise NotImplementedError

    def stop(self) -> None:
        """End early if possible, because the server is shutting down.

        By default it does nothing, and the shutdown waits for the end. A body that stops yields
        what it has, and ends `chunks()` by itself, so that a body derived from it can still add
        what belongs after the last piece.
        """

    def close(self) -> None:
        """Release what can be released without waiting; may be called again."""

    async def aclose(self) -> None:
        """Release everything, even if `chunks()` was never called; may be called again.

        Cancellation: It is still released.
        """
        self.close()
