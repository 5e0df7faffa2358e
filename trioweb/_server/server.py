"""A running server, as the program that embeds it sees it.

It holds no socket and no task: `serve` has them, in the nursery of the caller. So this object can be
dropped without any effect on the server, and its methods only signal the shutdown.
"""

from __future__ import annotations

from collections.abc import Sequence

from trioweb._server.instruments import Instruments, ServerStatistics
from trioweb._server.shutdown import Shutdown
from trioweb.closing import CloseCode
from trioweb.errors import checked_close


class Server:
    """A running server, as `nursery.start(trioweb.serve, app)` returns it.

    Any number of tasks may use it. It ends when `aclose` is called, or when the scope
    that `serve` runs in is cancelled; both are graceful.

    Attributes:
        urls: Where it can be reached: `["http://127.0.0.1:8000"]`.
        port: The first TCP port, also when 0 was asked for; `None` without TCP.
    """

    def __init__(
        self, *, urls: Sequence[str], port: int | None, shutdown: Shutdown, instruments: Instruments
    ) -> None:
        self.urls = list(urls)
        self.port = port
        self._shutdown = shutdown
        self._instruments = instruments

    def __repr__(self) -> str:
        return f"<Server {' '.join(self.urls)} {self.connections} connections>"

    @property
    def connections(self) -> int:
        """How many TCP connections there are now."""
        return self._instruments.connections

    def statistics(self) -> ServerStatistics:
        """Return the server's counters as they are now."""
        return self._instruments.read()

    async def aclose(
        self, grace_seconds: float | None = None, code: int = CloseCode.GOING_AWAY, reason: str = ""
    ) -> None:
        """Shut down gracefully: nothing that was queued or begun is lost.

        Listeners close first. Requests in flight are answered; every WebSocket gets its
        queued messages, then the close frame; handlers get time to end. Whatever is left
        shortly before the deadline is cancelled and dropped, so that the lifespan has time
        to end too. Calling it again can only bring the deadline nearer.

        Args:
            grace_seconds: The deadline; `Timeouts.drain_seconds` unless given. The lifespan
                has a second in any case.
            code: The close code for WebSockets.
            reason: At most 123 bytes of UTF-8.

        Raises:
            LocalProtocolError: The code or the reason cannot be sent.

        Cancellation: The shutdown continues; only the waiting ends.
        Concurrency: Any number of tasks; all wait for the same end.
        """
        self._shutdown.begin(grace_seconds, checked_close(code, reason))
        await self._shutdown.finished.wait()

    async def wait_closed(self) -> None:
        """Wait until the server has ended, whatever ends it.

        Cancellation: Changes nothing; the server goes on.
        """
        await self._shutdown.finished.wait()

    def stop(self) -> None:
        """Begin to shut down gracefully, without waiting for the end."""
        self._shutdown.begin()

    def abort(self) -> None:
        """End at once: handlers are cancelled and connections dropped; the lifespan has a second."""
        self._shutdown.abort()
