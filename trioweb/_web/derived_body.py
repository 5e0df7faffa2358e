"""A body that is made from another response's body, and the response that sends it."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from trioweb._web.response import Response
from trioweb._web.streamed_body import StreamedBody
from trioweb.headers import MutableHeaders


class DerivedBody(StreamedBody):
    """A body that is made from the body of another response, and ends with it.

    Args:
        inner: One that has been prepared.
    """

    __slots__ = ("content_bytes", "filler", "inner", "stops_when_client_leaves")

    def __init__(self, inner: Response) -> None:
        self.inner = inner
        self.content_bytes = inner.content_bytes
        self.filler = inner.filler
        self.stops_when_client_leaves = inner.stops_when_client_leaves

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """Return the pieces of the other response."""
        return self.inner.chunks()

    def stop(self) -> None:
        """Stop the other response, and with it this body."""
        self.inner.stop()

    def close(self) -> None:
        """Close the other response."""
        self.inner.close()

    async def aclose(self) -> None:
        """Close the other response.

        Cancellation: As the other's.
        """
        await self.inner.aclose()


def derived(body: DerivedBody) -> Response:
    """Return a response with this body, and the status and fields of the one that it is made from.

    The fields are copied as they are. Given to `Response`, they would be read again, and its
    Content-Type would become the last of them.
    """
    response = Response(body, body.inner.status)
    response.headers = MutableHeaders(body.inner.headers.lines())
    return response
