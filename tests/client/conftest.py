"""Servers for tests of the client, and what clients may leave behind in a run: tasks and open files."""

from __future__ import annotations

import os
import socket
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

import trioweb
from trioweb.exception_groups import bare_exceptions
from trioweb.testing import RawPeer


class Names(trio.abc.HostnameResolver):
    """Knows only these names, and no network."""

    def __init__(self, addresses):
        self.addresses = addresses

    async def getaddrinfo(self, host, port, family=0, type=0, proto=0, flags=0):  # noqa: A002
        await trio.lowlevel.checkpoint()
        if (name := host.decode()) not in self.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (self.addresses[name], port))]

    async def getnameinfo(self, sockaddr, flags):
        raise NotImplementedError


@pytest.fixture
def resolve():
    """Replace the resolver of this Trio run: `resolve({"name": "address"})`."""
    return lambda addresses: trio.socket.set_custom_hostname_resolver(Names(addresses))


@pytest.fixture
def serving():
    """Serve with a function of a `RawPeer`: `async with serving(serve) as port`."""

    @asynccontextmanager
    async def serving(serve):
        async def serve_stream(stream):
            async with stream:
                await serve(RawPeer(stream, is_server=True))

        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(partial(trio.serve_tcp, serve_stream, 0, host="127.0.0.1"))
            yield listeners[0].socket.getsockname()[1]
            nursery.cancel_scope.cancel()

    return serving


@pytest.fixture
async def serve(nursery):
    """Serve an echo on a port: `server = await serve(**options)`; `/old` redirects to it."""

    async def serve(**options):
        app = trioweb.App()

        @app.websocket("/")
        async def echo(ws):
            async for message in ws:
                await ws.send(message)

        @app.get("/old")
        async def old(request):
            return trioweb.Redirect("/")

        return await nursery.start(partial(trioweb.serve, app, "127.0.0.1", 0, **options))

    return serve


@pytest.fixture
def over_memory():
    """Connect over memory to a `RawPeer`: `async with over_memory(**arguments) as (ws, peer)`."""

    @asynccontextmanager
    async def over_memory(*, pair=trio.testing.memory_stream_pair, **arguments):
        ours, theirs = pair()
        peer = RawPeer(theirs, is_server=True)
        with bare_exceptions():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(peer.accept)
                async with trioweb.connect_stream(ours, "ws://server/", **arguments) as ws:
                    yield ws, peer

    return over_memory


@pytest.fixture
def dial(nursery):
    """Connect over memory to what `conduct(peer)` plays; the block is entered by the test."""

    def dial(conduct, url="ws://server.example/", **arguments):
        ours, theirs = trio.testing.memory_stream_pair()

        async def serve():
            async with theirs:
                await conduct(RawPeer(theirs, is_server=True))

        nursery.start_soon(serve)
        return trioweb.connect_stream(ours, url, **arguments)

    return dial


@pytest.fixture
def tasks():
    """Return the names of all tasks of the run, system tasks included."""

    def tasks():
        found, waiting = [], [trio.lowlevel.current_root_task()]
        while waiting:
            task = waiting.pop()
            found.append(task.name)
            waiting += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
        return sorted(found)

    return tasks


@pytest.fixture
def open_files():
    """Return the number of descriptors of this process."""

    def open_files():
        # The folder itself is open while it is listed, and gone when it is looked up.
        return sum(Path(f"/proc/self/fd/{name}").exists() for name in os.listdir("/proc/self/fd"))

    return open_files
