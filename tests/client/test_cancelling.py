"""Cancelling a client wherever it waits: the cancellation comes through, and nothing is left open."""

from __future__ import annotations

import gc
import os
from functools import partial

import pytest
import trio
import trio.testing
from support.tls import contexts

import trioweb
from trioweb import Config, Timeouts
from trioweb._client import dialing
from trioweb.testing import RawPeer, check_cancellation


def sockets():
    """How many sockets this process has."""
    gc.collect()
    links = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
    return sum(os.path.exists(link) and os.readlink(link).startswith("socket:") for link in links)


async def use(url, **options):
    async with trioweb.connect(url, **options) as ws:
        await ws.send("hello")
        assert await ws.receive() == "hello"


async def until(condition):
    with trio.fail_after(5):
        while not condition():
            await trio.lowlevel.checkpoint()


async def check(server, scenario):
    """Cancel at each checkpoint; then the server has no connection, and this process no socket more."""
    await scenario()
    before = sockets()
    assert await check_cancellation(scenario) > 3
    await until(lambda: not server.connections and sockets() <= before)


async def test_cancelling_a_connection_leaves_nothing_open(serve):
    server = await serve()

    await check(server, partial(use, f"ws://127.0.0.1:{server.port}/"))


@pytest.mark.slow
@pytest.mark.parametrize("version", ["TLS 1.2", "TLS 1.3"])
async def test_cancelling_a_connection_with_tls_leaves_nothing_open(serve, version):
    server_context, context = contexts(version)
    server = await serve(ssl_context=server_context)

    await check(server, partial(use, f"wss://127.0.0.1:{server.port}/", ssl_context=context))


async def test_cancelling_during_a_redirect_leaves_nothing_open(serve):
    server = await serve()

    await check(server, partial(use, f"ws://127.0.0.1:{server.port}/old", most_redirects=1))


@pytest.mark.slow
@pytest.mark.parametrize("is_proxy_secure", [False, True], ids=["http", "https"])
async def test_cancelling_a_tunnel_leaves_nothing_open(serve, nursery, monkeypatch, is_proxy_secure):
    server_context, context = contexts()
    monkeypatch.setattr(dialing, "default_ssl_context", lambda: context)
    server = await serve(ssl_context=server_context)

    async def proxy(stream):
        # Opens the tunnel, and is the server at its end.
        if is_proxy_secure:
            stream = trio.SSLStream(stream, server_context, server_side=True, https_compatible=True)
        try:
            await RawPeer(stream).receive_head()
            await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
            inner = trio.SSLStream(stream, server_context, server_side=True, https_compatible=True)
            peer = RawPeer(inner, is_server=True)
            await peer.accept()
            await peer.send_text(await peer.receive_text())
            await peer.receive_close()
        except (trio.BrokenResourceError, AssertionError):
            pass
        finally:
            await trio.aclose_forcefully(stream)

    (listener,) = await nursery.start(partial(trio.serve_tcp, proxy, 0, host="127.0.0.1"))
    scheme = "https" if is_proxy_secure else "http"
    url = f"{scheme}://127.0.0.1:{listener.socket.getsockname()[1]}"

    await check(server, partial(use, "wss://localhost/", proxy=url, ssl_context=context))


async def test_cancelling_a_connection_over_a_stream_closes_the_stream(autojump_clock):
    streams = []

    async def scenario():
        ours, theirs = trio.testing.memory_stream_pair()
        streams.append((ours, theirs))
        peer = RawPeer(theirs, is_server=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.accept)
            async with trioweb.connect_stream(ours, "ws://server/") as ws:
                await peer.send_text(await ws.receive() if ws.closed else "hello")
                assert await ws.receive() == "hello"
                nursery.start_soon(peer.receive_end)

    await check_cancellation(scenario)
    for ours, theirs in streams:
        with pytest.raises(trio.ClosedResourceError):
            await ours.send_all(b"x")
        await RawPeer(theirs).receive_end()


async def test_a_cancelled_block_waits_one_second_for_a_server_that_does_not_answer(
    over_memory, autojump_clock
):
    with trio.CancelScope() as scope:
        async with over_memory() as (ws, peer):
            started = trio.current_time()
            scope.cancel()
            await ws.receive()

    assert trio.current_time() - started == pytest.approx(1, abs=0.01)
    assert ws.closed.code == 1001
    assert await peer.receive_close() == (1001, "")
    assert await peer.receive_end() == b""


async def test_a_cancellation_while_the_block_closes_does_not_hide_its_exception(over_memory, autojump_clock):
    with trio.CancelScope() as scope, pytest.raises(KeyError, match="mine"):
        async with over_memory() as (_, _):
            scope.deadline = trio.current_time() + 0.5
            raise KeyError("mine")

    assert not scope.cancelled_caught


async def test_a_server_that_never_closes_tcp_is_waited_for_until_the_time_is_up(over_memory, autojump_clock):
    async with over_memory(config=Config(timeouts=Timeouts(close_seconds=7))) as (ws, peer):
        await peer.send_close(1000)
        assert await peer.receive_close() == (1000, "")
        await trio.testing.wait_all_tasks_blocked()
        assert ws.closed.code == 1000
        started = trio.current_time()

    assert trio.current_time() - started == pytest.approx(7, abs=0.01)
