"""The transports of a connection, each with a client's stream for it."""

from __future__ import annotations

from contextlib import asynccontextmanager

import trio
from support.serving import running
from support.tls import contexts

CARRIERS = ["plain", "TLS", "a listener with TLS"]


@asynccontextmanager
async def carried(app, carrier):
    """Serve over a carrier, and yield the server with a client's stream."""
    listening, calling = contexts()
    options = {"ssl_context": listening} if carrier == "TLS" else {}
    if carrier == "a listener with TLS":
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        options = {"listeners": [trio.SSLListener(one, listening) for one in listeners]}
    async with running(app, **options) as server:
        stream = await trio.open_tcp_stream("127.0.0.1", server.port)
        if "TLS" in carrier:
            stream = trio.SSLStream(stream, calling, server_hostname="localhost")
        async with stream:
            yield server, stream
