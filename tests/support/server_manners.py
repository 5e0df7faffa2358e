"""How a `RawPeer` that plays a server ends a connection."""

from __future__ import annotations

import socket
import struct

import trio.testing


async def end(peer):
    """Close as a good server does, so that leaving the block need not wait."""
    await peer.send_close(1000)
    await peer.receive_close()
    await peer.stream.aclose()


async def closing(peer):
    """Answer the client's close frame, and return its code and reason."""
    close = await peer.receive_close()
    await peer.send_close(close[0], close[1])
    await peer.stream.aclose()
    return close


async def refuse_and_reset(peer):
    """Answer a request with 503 and the beginning of a body, and reset the connection."""
    await peer.receive_head()
    await peer.send(b"HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nlater")
    await trio.testing.wait_all_tasks_blocked(0.01)  # a reset overtakes bytes that nobody has read
    peer.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
