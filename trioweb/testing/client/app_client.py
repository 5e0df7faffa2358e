"""The client of a test: httpx for requests, our own client for WebSockets, one jar of cookies for both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any

import httpx
import trio

from trioweb._client.connecting import open_connection_over
from trioweb._client.connection_block import ConnectionBlock
from trioweb._client.options import ConnectOptions
from trioweb._client.websocket import ClientWebSocket
from trioweb._server.server import Server
from trioweb._wire.client_handshake import checked_subprotocols
from trioweb._wire.websocket_url import parse_url
from trioweb.config import Config, Deflate, Limits, Timeouts
from trioweb.errors import ConnectFailed, ConnectionClosed, HandshakeRejected
from trioweb.header_mapping import pairs_of
from trioweb.headers import Headers, HeaderSource
from trioweb.testing.bench import Bench
from trioweb.testing.client.event_feed import EventFeed
from trioweb.testing.client.expecting_websocket import ExpectingWebSocket, attach
from trioweb.testing.client.http_transport import Exchange, MemoryTransport, exchange_of_task
from trioweb.testing.client.memory_response import MemoryResponse
from trioweb.testing.memory.listener import MemoryConnection, connection_served_by
from trioweb.testing.memory.stream import MemoryStream
from trioweb.testing.stuck.outside import all_tasks

SETTLING_PASSES = 100
"""How many passes of the scheduler a handler has to end after its client has left, before the test goes on."""

# No pings of the client's own: an application's tests are about those of the server. No time-out for connecting: a
# handler may take an hour of virtual time before it accepts. And messages may be long: the limits to be tested are
# those of the server.
CONFIG = Config(
    limits=Limits(message_bytes=64 * 1024 * 1024),
    timeouts=Timeouts(connect_seconds=float("inf"), ping_interval_seconds=None),
)

_ONLY_IN_REQUESTS = {"accept", "accept-encoding", "connection"}


class AppClient(httpx.AsyncClient):
    """A client of one app, which is served in memory: `async with open_client(app) as client`.

    It is an `httpx.AsyncClient` with the app's URL as its `base_url`: `client.get("/")`, `client.post(...)`,
    `client.stream(...)`, `client.cookies`, `client.headers` and everything else are httpx's. Without a
    time-out: a call that can never end raises `Stuck`. It follows no redirects unless told to.

    Any number of tasks may use it.

    Attributes:
        server: The running server, with its statistics and `aclose`.
    """

    def __init__(self, bench: Bench, server: Server, base_url: str) -> None:
        super().__init__(
            transport=MemoryTransport(bench),
            base_url=base_url,
            timeout=None,
            trust_env=False,
            headers={"user-agent": "trioweb.testing"},
        )
        self._bench = bench
        self.server = server

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request, as httpx does.

        Raises:
            Exception: The handler failed, unless the client was opened with `raise_errors=False`.
            Stuck: It would never be answered.

        Cancellation: Closes the connection, as a client that goes away does.
        Concurrency: Any number of tasks; each request that is under way has a connection of its own.
        """
        exchange = Exchange(f"{request.method} {request.url.raw_path.decode('ascii')}")
        token = exchange_of_task.set(exchange)
        response: httpx.Response | None = None
        try:
            with self._bench.waiting(exchange.label) as wait:
                exchange.wait = wait
                response = await super().send(request, **options)
            self._bench.raise_failure(exchange.connection)
        except Exception:
            if response is not None:
                await response.aclose()
            self._bench.raise_failure(exchange.connection)
            raise
        finally:
            exchange_of_task.reset(token)
        return response

    @asynccontextmanager
    async def stream(
        self, method: str, url: httpx.URL | str, **options: Any
    ) -> AsyncIterator[httpx.Response]:
        """Send a request, and read its response in the block, as httpx does.

        By the end of the block, the handler has ended too, unless it waits for something else.

        Raises:
            Exception: As for `send`, at the end of the block at the latest.
        """
        async with super().stream(method, url, **options) as response:
            try:
                yield response
            finally:
                if isinstance(response, MemoryResponse):
                    await response.close_generators()
        carrier = response.carrier if isinstance(response, MemoryResponse) else None
        if carrier is not None and carrier.client.is_closed:  # else it is kept for the next request
            await self._settle(carrier)
        self._bench.raise_failure(carrier)

    @asynccontextmanager
    async def events(
        self, path: str, *, last_event_id: str | None = None, **options: Any
    ) -> AsyncIterator[EventFeed]:
        """Read a stream of server-sent events: `async with client.events("/prices") as events`.

        Args:
            path: Of an endpoint that answers with an `EventStream`.
            last_event_id: The id that a browser sends when it connects again.
            options: As for `client.stream`.

        Raises:
            httpx.HTTPStatusError: The response has another status than 2xx.
            AssertionError: Its content is something else.
            Exception: As for `stream`.

        Cancellation: Closes the connection, as a browser does that leaves the page.
        """
        headers = httpx.Headers(options.pop("headers", None))
        headers.setdefault("accept", "text/event-stream")
        if last_event_id is not None:
            headers["last-event-id"] = last_event_id
        async with self.stream("GET", path, headers=headers, **options) as response:
            response.raise_for_status()
            kind = response.headers.get("content-type", "no content-type")
            if not kind.startswith("text/event-stream"):
                raise AssertionError(f"GET {path}: expected a stream of events, and the response has {kind}")
            async with aclosing(EventFeed(response, last_event_id)) as feed:
                yield feed

    @asynccontextmanager
    async def websocket(
        self,
        path: str,
        *,
        params: Any = None,
        headers: HeaderSource | None = None,
        subprotocols: Iterable[str] = (),
        compression: Deflate | None = None,
        config: Config | None = None,
    ) -> AsyncIterator[ExpectingWebSocket]:
        """Open a WebSocket for the block: `async with client.websocket("/chat") as ws`.

        The client's cookies and header fields are sent with the handshake, and cookies that its answer sets are
        kept. By the end of the block, the handler has ended too, unless it waits for something else.

        Args:
            path: With the query, if there is one.
            params: For the query, as httpx takes them.
            headers: More header fields. Each replaces the client's of the same name.
            subprotocols: Those that the client speaks, the preferred one first.
            compression: Offers permessage-deflate.
            config: Limits and time-outs of the client. By default it sends no pings.

        Raises:
            HandshakeRejected: The server has refused, with `status`, `headers` and `body`.
            ConnectFailed: The server does not listen any more.
            Exception: The handler failed, unless the client was opened with `raise_errors=False`.
            Stuck: The handshake would never be answered.

        Cancellation: As for `trioweb.connect`: closes with 1001, and waits at most a second.
        Concurrency: Any number of WebSockets, each a connection of its own.
        """
        request = self.build_request("GET", path, params=params)
        connection = self._connect(f"WebSocket {request.url.raw_path.decode('ascii')}")
        options = ConnectOptions(
            subprotocols=checked_subprotocols(subprotocols),
            headers=Headers(_handshake_fields(request, headers)),
            compression=compression,
            config=config or CONFIG,
            kind=ExpectingWebSocket,
        )
        try:
            async with ConnectionBlock(partial(self._open, connection, request, options)) as ws:
                assert isinstance(ws, ExpectingWebSocket)
                yield ws
        except ConnectionClosed:  # by a call that has no form of its own in the kit, such as `send_nowait`
            self._bench.raise_failure(connection)
            raise
        await self._settle(connection)

    async def _open(
        self, connection: MemoryConnection, request: httpx.Request, options: ConnectOptions
    ) -> ClientWebSocket:
        url = parse_url(f"ws://{request.url.netloc.decode()}{request.url.raw_path.decode('ascii')}")
        try:
            with self._bench.waiting(f"websocket({str(request.url.raw_path, 'ascii')!r})", connection):
                ws = await open_connection_over(connection.client, url, options)
        except HandshakeRejected as rejected:
            self._keep_cookies(request, rejected.status, rejected.headers)
            self._bench.raise_failure(connection)
            raise
        except ConnectFailed:
            self._bench.raise_failure(connection)
            raise
        assert isinstance(ws, ExpectingWebSocket)
        attach(ws, self._bench, connection)
        self._keep_cookies(request, ws.response.status, ws.response.headers)
        return ws

    def _keep_cookies(self, request: httpx.Request, status: int, headers: Headers) -> None:
        fields = [("set-cookie", value) for value in headers.get_all("set-cookie")]
        if fields:
            self.cookies.extract_cookies(httpx.Response(status, headers=fields, request=request))

    def open_stream(self) -> MemoryStream:
        """Open a connection as bytes, for `RawPeer`, `FaultyStream` or `trioweb.connect_stream`.

        Raises:
            ConnectFailed: The server does not listen any more.
        """
        return self._connect("a stream of the test").client

    def _connect(self, label: str) -> MemoryConnection:
        try:
            connection = self._bench.listener.connect()
        except OSError as error:
            self._bench.raise_failure(None)
            raise ConnectFailed(f"{label}: {error}", "TCP") from error
        connection.label = label
        return connection

    async def _settle(self, connection: MemoryConnection) -> None:
        """Let the handler of a connection end, and raise its failure.

        Without this, a handler would sometimes notice that its client has left before the next line of the test,
        and sometimes after it. A handler that waits for something is not waited for.
        """
        serving = [task for task in all_tasks() if connection_served_by(task) is connection]
        for _ in range(SETTLING_PASSES):
            serving = [task for task in serving if _is_alive(task)]
            if not serving:
                break
            await trio.lowlevel.checkpoint()
        self._bench.raise_failure(connection)


def _is_alive(task: trio.lowlevel.Task) -> bool:
    return task.parent_nursery is not None and task in task.parent_nursery.child_tasks


def _handshake_fields(request: httpx.Request, headers: HeaderSource | None) -> list[tuple[str, str]]:
    """Return the client's fields that make sense in a handshake, and those of the call."""
    own = list(pairs_of(headers or ()))
    replaced = {name.lower() for name, _ in own} | _ONLY_IN_REQUESTS | {"host"}
    return [(name, value) for name, value in request.headers.multi_items() if name not in replaced] + own
