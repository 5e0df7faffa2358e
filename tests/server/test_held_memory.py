"""What a peer makes the server hold, beside what it has sent for it."""

from __future__ import annotations

import gc
import tracemalloc
from contextlib import contextmanager

import pytest
import trio.testing
from support.conduct import request
from support.serving import in_memory

from trioweb import App, Text

PIECES = 5000
OF_TRIO_BYTES = 100_000
"""Trio forgets deadlines that are past only when there are a thousand."""


class Growth:
    """How much more memory is in use than at the start of the block."""

    def __init__(self):
        self._before = self._now()

    def _now(self):
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    @property
    def held_bytes(self):
        return self._now() - self._before


@contextmanager
def measured():
    tracemalloc.start()
    try:
        yield Growth()
    finally:
        tracemalloc.stop()


def chunked(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.mark.parametrize(("frame", "piece"), [(bytes, b"ab"), (chunked, b"a")])
async def test_a_body_in_tiny_pieces_is_held_as_its_bytes(autojump_clock, piece, frame):
    app = App()

    @app.post("/")
    async def read(request):
        return Text(str(len(await request.body())))

    framing = "Transfer-Encoding: chunked" if frame is chunked else f"Content-Length: {len(piece) * PIECES}"
    async with in_memory(app) as peer:
        await peer.send(request(framing, start="POST / HTTP/1.1"))
        await peer.send(frame(piece))
        await trio.testing.wait_all_tasks_blocked()
        with measured() as growth:
            for _ in range(PIECES - 2):
                await peer.send(frame(piece))
                await trio.lowlevel.checkpoint()
            await trio.testing.wait_all_tasks_blocked()
            assert growth.held_bytes < 2 * len(piece) * PIECES + OF_TRIO_BYTES
        await peer.send(frame(piece) + (b"0\r\n\r\n" if frame is chunked else b""))
        assert (await peer.receive_response())[1] == b"%d" % (len(piece) * PIECES)
