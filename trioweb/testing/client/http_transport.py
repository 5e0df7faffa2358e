"""Carries the requests of httpx to the server: httpx and httpcore above, a connection in memory below.

    AppClient.send         one call of the test, perhaps several requests: redirects, authentication
    MemoryTransport        translates requests, responses and exceptions between httpx and httpcore
    httpcore's pool        chooses a connection, a new one or one that is kept
    MemoryNetworkStream    moves the bytes
    MemoryStream           the client's side of the connection in memory

httpcore writes HTTP itself and reads it with h11, as it does on a socket. So heads, bodies in chunks, connections that are
kept and streams that are cut are the real ones, and only the network is not.

A handler's failure is kept with the connection on which it happened, so a call has to know its connection to raise the
failure. The pool does not say which one it has chosen. But it works in the task of the caller, so the call leaves an
`Exchange` in a context variable, and the stream that is written to enters its connection there.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

import attrs
import httpcore
import httpx
import trio

from trioweb.testing.bench import Bench, Wait
from trioweb.testing.client.memory_response import MemoryResponse, close_generators_of
from trioweb.testing.memory.listener import MemoryConnection

MOST_CONNECTIONS = 1000
"""How many requests may be under way at once. More would wait for each other, which a test would not expect."""


@attrs.define(eq=False)
class Exchange:
    """One call of the client, from which httpx may make several requests.

    Attributes:
        label: The method and the target of the call.
        wait: It, for as long as it waits.
        connection: The connection that carries the last of its requests.
    """

    label: str
    wait: Wait | None = None
    connection: MemoryConnection | None = None

    def use(self, connection: MemoryConnection) -> None:
        """Take note of the connection that httpcore has chosen."""
        self.connection = connection
        connection.label = self.label
        if self.wait is not None:
            self.wait.connection = connection


exchange_of_task: ContextVar[Exchange | None] = ContextVar("trioweb exchange", default=None)
"""The call that the current task has made."""


class MemoryNetworkStream(httpcore.AsyncNetworkStream):
    """One connection, with the methods that httpcore asks for. Time-outs of httpx run by the clock of the test."""

    def __init__(self, connection: MemoryConnection) -> None:
        self._connection = connection

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """Return what the server has sent."""
        with _mapped(httpcore.ReadTimeout, httpcore.ReadError, timeout):
            return await self._connection.client.receive_some(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Send a piece of a request."""
        exchange = exchange_of_task.get()
        if exchange is not None:
            exchange.use(self._connection)
        with _mapped(httpcore.WriteTimeout, httpcore.WriteError, timeout):
            if buffer:
                await self._connection.client.send_all(buffer)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._connection.client.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        """Do nothing: in memory, `https` is a claim."""
        del ssl_context, server_hostname, timeout
        return self

    def get_extra_info(self, info: str) -> Any:
        """Answer httpcore's question whether the server has closed a connection that the pool has kept."""
        return self._connection.client.has_input if info == "is_readable" else None


class MemoryNetwork(httpcore.AsyncNetworkBackend):
    """Opens connections to the server, whatever the host's name is."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Open a connection."""
        del host, port, timeout, local_address, socket_options
        await trio.lowlevel.checkpoint()
        try:
            return MemoryNetworkStream(self._bench.listener.connect())
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error

    async def sleep(self, seconds: float) -> None:
        """Wait between two attempts."""
        await trio.sleep(seconds)


class MemoryTransport(httpx.AsyncBaseTransport):
    """The transport of the client: a pool of connections in memory.

    Args:
        bench: Opens the connections, and knows what has failed on them.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._pool = httpcore.AsyncConnectionPool(
            max_connections=MOST_CONNECTIONS,
            max_keepalive_connections=MOST_CONNECTIONS,
            network_backend=MemoryNetwork(bench),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return the response as soon as its head is here.

        Raises:
            httpx.HTTPError: The connection ended, or a time-out of httpx did.
        """
        # Always as http, whatever the scheme is: for https, httpcore would make a context of OpenSSL, which takes
        # longer than most tests.
        url = httpcore.URL(
            scheme=b"http", host=request.url.raw_host, port=request.url.port, target=request.url.raw_path
        )
        with _as_httpx():
            received = await self._pool.handle_async_request(
                httpcore.Request(
                    method=request.method,
                    url=url,
                    headers=request.headers.raw,
                    content=cast("httpx.AsyncByteStream", request.stream),
                    extensions=request.extensions,
                )
            )
        exchange = exchange_of_task.get() or Exchange(f"{request.method} {request.url.path}")
        response = MemoryResponse(
            status_code=received.status,
            headers=received.headers,
            stream=MemoryBody(received.stream, self._bench, exchange),
            extensions=cast("Any", received).extensions,
        )
        response.carrier = exchange.connection
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class MemoryBody(httpx.AsyncByteStream):
    """The body of a response. A failure of the handler is raised where the body breaks off."""

    def __init__(self, pieces: Any, bench: Bench, exchange: Exchange) -> None:
        self._pieces = pieces
        self._bench = bench
        self._exchange = exchange
        self._reading: Any = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        self._reading = aiter(self._pieces)
        return self

    async def __anext__(self) -> bytes:
        exchange = self._exchange
        try:
            with _as_httpx(), self._bench.waiting(f"the body of {exchange.label}", exchange.connection):
                return await anext(self._reading)
        except httpx.HTTPError:
            self._bench.raise_failure(exchange.connection)
            raise

    async def aclose(self) -> None:
        """Stop reading. The connection is closed unless all of the body was read."""
        if self._reading is not None:
            await close_generators_of(self._reading)
        await self._pieces.aclose()


@contextmanager
def _mapped(too_slow: type[Exception], broken: type[Exception], seconds: float | None) -> Iterator[None]:
    """Raise the exceptions that httpcore expects of a network."""
    try:
        with trio.fail_after(float("inf") if seconds is None else seconds):
            yield
    except trio.TooSlowError as error:
        raise too_slow(str(error)) from error
    except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
        raise broken(str(error)) from error


@contextmanager
def _as_httpx() -> Iterator[None]:
    """Raise the exceptions of httpx, which have the names of httpcore's: tests catch `httpx.ReadTimeout`."""
    try:
        yield
    except Exception as error:
        kind = getattr(httpx, type(error).__name__, None)
        if kind is None or not type(error).__module__.startswith("httpcore"):
            raise
        raise kind(str(error)) from error
