"""Servers for tests: over memory, with a virtual clock, and over real sockets."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial

import trio
import trio.testing

import trioweb
from trioweb.failures import listen_for_failures
from trioweb.testing import RawPeer


def quick(**timeouts):
    """Settings for a shutdown that is short enough for a test."""
    return trioweb.Config(
        timeouts=trioweb.Timeouts(
            **{"close_seconds": 0.3, "handler_grace_seconds": 0.3, "drain_seconds": 3, **timeouts}
        )
    )


@asynccontextmanager
async def in_memory(app, *, pair=trio.testing.memory_stream_pair, **options):
    """Serve one connection over a pair of in-memory streams, and yield its peer.

    For tests of what is on the wire. `trioweb.testing.open_client` is for tests of what an application does. It takes
    4 ms of computing and this 1 ms, and only here can a test have streams that take nothing until the other side
    reads, or read the log of what a failing handler causes.
    """
    ours, theirs = pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(trioweb.serve_stream, app, theirs, **options))
        yield RawPeer(ours)
        await ours.aclose()
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def conversing(handler, config=None, *, pair=trio.testing.memory_stream_pair):
    """Serve `handler` to a peer after the handshake; whatever it fails with fails the test."""
    app, failures = trioweb.App(config), []
    app.websocket("/")(handler)
    listen_for_failures(failures.append)
    async with in_memory(app, pair=pair) as peer:
        await peer.open()
        yield peer
    assert not failures


async def in_lockstep(handler, drive, *, timeouts=None, **limits):
    """`converse` over streams that take only what the other side reads."""
    timeouts = timeouts or trioweb.Timeouts(ping_interval_seconds=None)
    await converse(handler, drive, timeouts=timeouts, pair=trio.testing.lockstep_stream_pair, **limits)


async def converse(handler, drive, *, timeouts=None, pair=trio.testing.memory_stream_pair, **limits):
    """Run `handler` on one side and `drive(peer)` on the other."""
    config = trioweb.Config(limits=trioweb.Limits(**limits), timeouts=timeouts or trioweb.Timeouts())
    async with conversing(handler, config, pair=pair) as peer:
        await drive(peer)


@asynccontextmanager
async def running(app, **options):
    """Serve on a free port of the loopback, or on `listeners`, and yield the server."""
    if "listeners" not in options:
        options["port"] = 0
    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(trioweb.serve, app, **options))
        yield server
        await server.aclose(grace_seconds=0.1)


@asynccontextmanager
async def connected(server):
    """A peer over a real socket of a running server."""
    async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        yield RawPeer(stream)
