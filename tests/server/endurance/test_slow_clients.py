"""Clients that read little at a time, but steadily, are kept."""

from __future__ import annotations

import pytest
import trio
from support.serving import running

from trioweb import App, Config, Limits, Response, Stream, Timeouts
from trioweb.testing import RawPeer

pytestmark = pytest.mark.slow

BODY = bytes(8_000_000)
RATE_BYTES, STEP_SECONDS = 1_500_000, 0.05


def serving():
    app = App(Config(timeouts=Timeouts(send_seconds=1), limits=Limits(outbox_bytes=2 * len(BODY))))

    @app.get("/whole")
    async def whole(request):
        return Response(BODY)

    @app.get("/stream")
    async def stream(request):
        async def pieces():
            for start in range(0, len(BODY), 100_000):
                yield BODY[start : start + 100_000]

        return Stream(pieces(), content_bytes=len(BODY))

    @app.websocket("/ws")
    async def websocket(ws):
        await ws.send(BODY)

    return app


async def take(stream, count):
    """Read this many bytes at the rate of a poor connection."""
    while count > 0:
        data = await stream.receive_some(int(RATE_BYTES * STEP_SECONDS))
        assert data, f"cut, {count} bytes before the end"
        count -= len(data)
        await trio.sleep(STEP_SECONDS)


# The kernel may take megabytes at once, after which nothing moves for seconds.
@pytest.mark.parametrize("path", ["/whole", "/stream", "/ws"])
async def test_a_slow_client_that_makes_progress_is_kept(path):
    async with running(serving()) as server, await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        peer = RawPeer(stream)
        if path == "/ws":
            await peer.open(path)
        else:
            await peer.send(f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
            await peer.receive_head()
        await take(stream, len(BODY) - len(peer.buffer))
