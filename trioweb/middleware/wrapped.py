"""A streamed response that is made of another."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from trioweb._web.response import Response


class Wrapped(Response):
    """Has the status, the header fields and the life of another response.

    Args:
        inner: One that has been prepared. It is closed with this one.
    """

    __slots__ = ("ends_at_shutdown", "inner", "keepalive")
    is_streamed = True

    def __init__(self, inner: Response) -> None:
        # In place of the base's, which would look at fields that were looked at before.
        self.status = inner.status
        self.headers = inner.headers
        self.body = b""
        self.keepalive = inner.keepalive
        self.ends_at_shutdown = inner.ends_at_shutdown
        self.inner = inner

    @property
    def content_bytes(self) -> int | None:
        """The length of the body, where that is known."""
        return self.inner.content_bytes

    @property
    def stops_when_client_leaves(self) -> bool:
        """Whether the other response does."""
        return self.inner.stops_when_client_leaves

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the pieces of the other response.

        Raises:
            Exception: Whatever the other's raise.

        Cancellation: As the other's.
        """
        return self.inner.chunks()

    def stop(self) -> None:
        """End the other response, and with it this one."""
        self.inner.stop()

    def close(self) -> None:
        """Close the other response."""
        self.inner.close()

    async def aclose(self) -> None:
        """Close the other response.

        Cancellation: As the other's.
        """
        await self.inner.aclose()
