"""A TCP relay that passes an exact number of bytes in one direction, and then fails as a `CutLine` does."""

from __future__ import annotations

import socket
import struct
from contextlib import asynccontextmanager, suppress
from functools import partial

import trio

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@asynccontextmanager
async def cutting_relay(server_port, direction, count, way):
    """Listen on the loopback, and yield the port; each connection is cut."""
    async with trio.open_nursery() as nursery:
        relay = partial(_relay, server_port, direction, count, way)
        (listener,) = await nursery.start(partial(trio.serve_tcp, relay, 0, host="127.0.0.1"))
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


async def _relay(server_port, direction, count, way, client):
    server = await trio.open_tcp_stream("127.0.0.1", server_port)
    async with client, server:
        async with trio.open_nursery() as nursery:
            for name, source, target in (("up", client, server), ("down", server, client)):
                most = count if name == direction else None
                cut = target.send_eof if way == "end" else nursery.cancel_scope.cancel
                nursery.start_soon(_pass_on, source, target, most, cut)
        if nursery.cancel_scope.cancel_called and way == "stall":
            await trio.sleep_forever()
        if nursery.cancel_scope.cancel_called:
            for stream in (client, server):
                stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


async def _pass_on(source, target, most, cut):
    """Pass bytes on; at most as many as `most`, unless it is `None`."""
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        while most is None or most > 0:
            data = await source.receive_some(4096 if most is None else min(most, 4096))
            if not data:
                await target.send_eof()
                return
            await target.send_all(data)
            most = None if most is None else most - len(data)
        if (ending := cut()) is not None:
            await ending
