"""`open_client`: an app and its client, in one block."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

import trio

from trioweb._server.serve import serve
from trioweb._server.server import Server
from trioweb._web.address import Address
from trioweb.app import App
from trioweb.config import Config
from trioweb.errors import SetupError
from trioweb.exception_groups import leaf_exceptions
from trioweb.newcomers import require_trio
from trioweb.testing.bare_nursery import bare_nursery
from trioweb.testing.bench import Bench
from trioweb.testing.client_block import ClientBlock
from trioweb.testing.memory.listener import MemoryListener
from trioweb.testing.stuck.watch import WATCH_NAME, StuckWatch, is_virtual

if TYPE_CHECKING:
    from trioweb.testing.client.app_client import AppClient

TEST_HOST = "testserver"
PEER = ("192.0.2.1", 50000)
"""An address that is reserved for documentation (RFC 5737), and a port of the range for clients."""

SHUTDOWN_SECONDS = 1.0
"""The time for the shutdown at the end of the block under a real clock. `Timeouts.drain_seconds` is for clients that
wait for their responses, and here nobody waits any more."""


def open_client(
    app: App,
    *,
    config: Config | None = None,
    peer: tuple[str, int] | None = PEER,
    scheme: str = "http",
    raise_errors: bool = True,
    stuck_seconds: float | None = 5.0,
) -> AbstractAsyncContextManager[AppClient]:
    """Serve an app in memory for a block, and give its client.

    All of the server is real except for the network: the lifespan is entered before the block and left after it, and
    bytes go through limits, middleware and time-outs. It works with any clock: under Trio's
    `MockClock(autojump_threshold=0)`, which is pytest-trio's `autojump_clock`, hours of waiting take no time. The test
    itself has to take that clock as an argument: pytest-trio ignores one that only a fixture takes.

    Errors. An exception that the server would log as a failure of the program is raised in the test, as it is, by the
    call that met it: `client.get`, `ws.expect_text`, the end of a WebSocket's block, and at the latest the end of this
    block. If the test raises something itself, a failure that no call has met becomes a note of it. An `HTTPError`
    that can still be answered, `CloseWebSocket` and the `ConnectionClosed` of the handler's own WebSocket do not count
    as failures, nor does an exception that has an error handler of its own. An error handler for 500 or for
    `Exception` answers failures: test it with `raise_errors=False`.

    Waits. A call that can never end raises `Stuck`: when all tasks are blocked, none of them waits for a socket, a
    thread, a process or a signal, and no deadline is left but those of pings and of comments in quiet streams of
    events. Under a virtual clock that is at once, and under a real one after `stuck_seconds`. If none of the
    client's calls waits, the block is cancelled and raises it. Nor can a task of the program that wakes again and
    again keep a virtual clock running for ever: after a day of virtual time with at least a hundred wakes and not
    one byte between client and server, a call of the client counts as stuck. At the end of the block, handlers that
    shield themselves for ever lose their shields, and `Stuck` names them.

    The end of the block is a graceful shutdown. Under a real clock it takes at most a second, instead of
    `Timeouts.drain_seconds`. To test more of it, call `client.server.aclose()` in the block.

    Args:
        app: The app to serve.
        config: In place of the app's own.
        peer: The `request.client` of every connection; `None` for a client without an address.
        scheme: The `request.scheme`: `"http"` or `"https"`. Nothing is encrypted.
        raise_errors: Whether failures are raised in the test. Otherwise they are a 500 or a close with 1011.
        stuck_seconds: How long, by a real clock, a test may make no progress when nothing can happen any more.
            With `None`, `Stuck` is never raised: for programs whose own threads call into Trio.

    Raises:
        SetupError: httpx is not installed, asyncio is running instead of Trio, or the app cannot be served.
        Exception: The lifespan failed, or a handler did and no call has met its failure.
        Stuck: The test waits for something that cannot happen.

    Cancellation: Ends the server at once: handlers are cancelled, and the lifespan has a second.
    """
    if scheme not in {"http", "https"}:
        raise SetupError(f'scheme={scheme!r}: expected "http" or "https"')
    bench = Bench(
        MemoryListener(None if peer is None else Address(*peer), is_encrypted=scheme == "https"),
        raise_errors=raise_errors,
    )
    return _opened(app, config, f"{scheme}://{TEST_HOST}", bench, stuck_seconds)


@asynccontextmanager
async def _opened(
    app: App, config: Config | None, url: str, bench: Bench, stuck_seconds: float | None
) -> AsyncIterator[AppClient]:
    require_trio()
    client_class = _client_class()
    served = _Served(app, config, bench, stuck_seconds)
    try:
        async with bare_nursery() as nursery:
            if stuck_seconds is not None:
                nursery.start_soon(served.watch_for_stuck_tests, name=WATCH_NAME)
            with bench.waiting("open_client(app), at the start of the lifespan"):
                server = await nursery.start(served.serve, name="trioweb server")
            server.urls[:] = [url]
            client = client_class(bench, server, url)
            try:
                with served.block.entered():
                    yield client
            except BaseException:
                server.abort()
                raise
            finally:
                with trio.CancelScope(shield=True):  # closing connections in memory waits for nobody
                    await client.aclose()
            if served.watch.stuck is None:
                await server.aclose(None if is_virtual(trio.lowlevel.current_clock()) else SHUTDOWN_SECONDS)
            else:
                server.abort()
    except BaseException as error:
        if any(isinstance(leaf, trio.Cancelled) for leaf in leaf_exceptions(error)):
            bench.raise_failures()  # nobody would see a note of a cancellation, which may be due to the failure
        bench.mention_failures(error)
        if served.watch.stuck not in (None, error):
            error.add_note(f"The end of the test was stuck as well: {served.watch.stuck}")
        raise
    if served.watch.stuck is not None:
        raise served.watch.stuck
    bench.raise_failures()


class _Served:
    """The server of a block, and the watch beside it, which ends with the server and not before."""

    def __init__(self, app: App, config: Config | None, bench: Bench, stuck_seconds: float | None) -> None:
        self._app = app
        self._config = config
        self._bench = bench
        self._scope, self._watching = trio.CancelScope(), trio.CancelScope(shield=True)
        self._task_status: trio.TaskStatus[Server] = trio.TASK_STATUS_IGNORED
        self._has_started = False
        self.block = ClientBlock()
        self.watch = StuckWatch(bench, stuck_seconds, self.block, self._scope)

    async def watch_for_stuck_tests(self) -> None:
        """Watch until the server has ended. A test that fails may still be stuck at its end."""
        with self._watching:
            await self.watch.run()

    async def serve(self, *, task_status: trio.TaskStatus[Server]) -> None:
        """Serve until the server is closed. If it fails, the block ends."""
        self._task_status = task_status
        self._bench.listen()
        try:
            with self._scope:
                await serve(
                    self._app, listeners=[self._bench.listener], config=self._config, task_status=self
                )
        except BaseException as error:
            # The scope of the nursery may be cancelled too, since the block has ended. That need not be passed on.
            failures = [leaf for leaf in leaf_exceptions(error) if not isinstance(leaf, trio.Cancelled)]
            if not (self._has_started and failures and all(isinstance(leaf, Exception) for leaf in failures)):
                raise
            self._bench.server_failed(*failures)
            self.block.end(f"the server has failed: {failures[0]!r}")
            del failures  # the tracebacks lead to this frame: a cycle
        finally:
            self._watching.cancel(reason="the server has ended")

    def started(self, value: Server | None = None) -> None:
        """Pass on that the server has started, as its `task_status`."""
        assert value is not None
        self._has_started = True
        self._task_status.started(value)


def _client_class() -> type[AppClient]:
    try:
        from trioweb.testing.client.app_client import AppClient
    except ModuleNotFoundError as error:
        if error.name not in {"httpx", "httpcore"}:
            raise
        raise SetupError(
            f"open_client needs {error.name}, which is not installed: pip install 'trioweb[testing]'"
        ) from error
    return AppClient
