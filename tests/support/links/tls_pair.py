"""A server's TLS transport and a client at the other end of its socket."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager

import trio
import trio.testing
from support.tls import TlsClient, contexts

from trioweb._transport.flusher import Flusher
from trioweb._transport.poller import open_poller
from trioweb._transport.pump import Pump
from trioweb._transport.socket_transport import SocketTransport
from trioweb._transport.tls_transport import TlsTransport
from trioweb._websocket.outbox import Outbox


@asynccontextmanager
async def meeting(server_context, client_context):
    """A transport and a client that have not shaken hands."""
    pump = Pump(open_poller(), Flusher())
    theirs = socket.socket()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # Without a limit, a kernel may hold tens of megabytes for one connection.
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        theirs.connect(listener.getsockname())
        ours, _ = listener.accept()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
    for one in (ours, theirs):
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = TlsTransport(SocketTransport(ours, pump), server_context)
    client = TlsClient(theirs, client_context)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pump.run)
            nursery.start_soon(pump.flusher.run)
            yield transport, client
            nursery.cancel_scope.cancel()
    finally:
        transport.abort()
        await client.aclose()
        pump.close()


@asynccontextmanager
async def secured(version="TLS 1.3", *, is_greeted=True, **options):
    """Both, secured; and after a first write, as HTTP makes one before anything is pushed."""
    server_context, client_context = contexts(version)
    for name, value in options.items():
        setattr(client_context, name, value)
    async with meeting(server_context, client_context) as (transport, client):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(transport.secure)
            await client.send_raw(await client.handshake())
        if is_greeted:
            await transport.send_all(b"hi")
            assert await client.receive_some() == b"hi"
        yield transport, client


async def settled():
    """Wait until all bytes under way have arrived."""
    await trio.testing.wait_all_tasks_blocked(0.01)


def outbox_of(*entries):
    """Return an open outbox that holds these entries."""
    outbox = Outbox(most_messages=10_000, most_bytes=2**24)
    outbox.is_sealed = False
    for entry in entries:
        outbox.push(entry)
    return outbox


async def receive_whole(client, length):
    """Receive exactly this many bytes."""
    received = bytearray()
    with trio.fail_after(20):
        while len(received) < length:
            data = await client.receive_some()
            assert data, "the end"
            received += data
    return bytes(received)
