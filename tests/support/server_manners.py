"""How a `RawPeer` that plays a server ends a connection."""

from __future__ import annotations


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
